"""The frame came in by a device, and nobody there takes frames of its kind.

A standby member of a bond lets only special frames through; a device that belongs to a
user-space switch is left to it; a kernel without IPv6 takes no IPv6.

How it is proven: the kernel's drop reason UNHANDLED_PROTO (PTYPE_ABSENT on older kernels).

What to check: whether the device is a bond's standby member, and whether its switch still has
it.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FRAME_UNCLAIMED",
    title="No protocol took the frame",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A device of the network does not take the packet in.",
    operator_meaning=(
        "__netif_receive_skb_core found no handler: standby bond member, or the family is not set"
        " up."
    ),
    remedy=Remedy(
        text="See what {port} belongs to, and whether frames should come in there at all.",
        command="ip netns exec {netns} ip -details link show dev {port}",
    ),
    drop_reasons=(
        "UNHANDLED_PROTO",
        "PTYPE_ABSENT",
    ),
)

FALLBACK = "ip netns exec {netns} ip -details link show"
