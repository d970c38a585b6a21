"""A packet from the network has an address that only works inside of a machine.

A program bound to loopback, or a translation of ports to 127.0.0.1, makes such packets. The
kernel routes them only with route_localnet.

How it is proven: the kernel's drop reason IP_LOCALNET.

What to check: translation rules that lead to 127.0.0.1, and what address the sending program is
bound to.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="LOOPBACK_ADDRESS_ON_WIRE",
    title="Loopback address outside of its host",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The packet has a loopback address, which no network carries.",
    operator_meaning=(
        "127.0.0.0/8 as source or destination of a packet from outside, and route_localnet is off."
    ),
    remedy=Remedy(
        text=(
            "Bind the program to a real address; if the translation to loopback is meant, allow it."
        ),
        command="ip netns exec {netns} sysctl net.ipv4.conf.all.route_localnet",
    ),
    drop_reasons=("IP_LOCALNET",),
)
