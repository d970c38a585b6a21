"""The device that the packet came in by has IPv6 switched off.

disable_ipv6 is set on the device, so it takes no IPv6 packet at all.

How it is proven: the kernel's drop reason IPV6DISABLED.

What to check: the setting on this device and on `all`; bridges and their ports often have it
off on purpose, where only flooded copies meet it.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPV6_DISABLED",
    title="Device without IPv6",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A device of the network does not take IPv6.",
    operator_meaning="disable_ipv6=1 on the ingress device.",
    remedy=Remedy(
        text="Switch IPv6 on for {port}, if it should carry it.",
        command="ip netns exec {netns} sysctl -w net.ipv6.conf.{port}.disable_ipv6=0",
    ),
    drop_reasons=("IPV6DISABLED",),
)

FALLBACK = "ip netns exec {netns} sysctl net.ipv6.conf.all.disable_ipv6"
