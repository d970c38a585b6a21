"""The packet is for one address, but its frame is for many.

Clusters that share an address send like this on purpose; so do attackers. The receiver was told
to refuse it.

How it is proven: the kernel's drop reason UNICAST_IN_L2_MULTICAST.

What to check: whether the destination is a cluster's shared address.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="UNICAST_IN_MULTICAST_FRAME",
    title="Unicast packet in a multicast frame",
    severity=Severity.MAJOR,
    layer=Layer.LINK,
    owner=Owner.TENANT,
    tenant_meaning="The sender addresses many machines at once with a packet for one of them.",
    operator_meaning=(
        "drop_unicast_in_l2_multicast is on, and a unicast IP came in a multicast or broadcast "
        "frame."
    ),
    remedy=Remedy(
        text="Allow such frames on {port} if a cluster needs them.",
        command=(
            "ip netns exec {netns} sysctl -w net.ipv4.conf.{port}.drop_unicast_in_l2_multicast=0"
        ),
    ),
    drop_reasons=("UNICAST_IN_L2_MULTICAST",),
)

FALLBACK = "ip netns exec {netns} sysctl net.ipv4.conf.all.drop_unicast_in_l2_multicast"
