"""The tunnel's device expects each packet to bring its destination, and this one brought none.

Devices in external mode are fed by routes with an encapsulation, by tc or eBPF programs. A
packet that reaches them another way cannot be sent.

How it is proven: the kernel's drop reason TUNNEL_TXINFO.

What to check: whether the device is meant to be external, and what should set the tunnel's key.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TUNNEL_DESTINATION_UNSET",
    title="Nothing says where the tunnel should lead",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="A tunnel of the provider's network was not told its other end.",
    operator_meaning=(
        "An external (collect metadata) tunnel device got a packet without tunnel metadata."
    ),
    remedy=Remedy(
        text="Give {port} a remote, or repair what should set the tunnel's key.",
        command="ip netns exec {netns} ip -details link show dev {port}",
    ),
    drop_reasons=("TUNNEL_TXINFO",),
)

FALLBACK = "ip netns exec {netns} ip -details link show"
