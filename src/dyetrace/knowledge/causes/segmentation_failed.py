"""A large packet could not be cut into the segments the device needs.

Senders hand over packets of many segments at once; the last device cuts them. Here that failed:
the packet's description of itself is wrong, or its data could not be copied.

How it is proven: the kernel's drop reasons SKB_GSO_SEG and SKB_UCOPY_FAULT; or no reason, freed in
validate_xmit_skb, where a device is handed what it can send.

What to check: segmentation offloads of the devices on the path, and eBPF programs that resize
packets.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SEGMENTATION_FAILED",
    title="Could not be cut into segments",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="Large packets are lost on the way, small ones pass.",
    operator_meaning="GSO segmentation or zero-copy copy failed.",
    remedy=Remedy(
        text="Switch segmentation offload off at {port} to see whether that is it.",
        command="ip netns exec {netns} ethtool --offload {port} gso off tso off",
    ),
    drop_reasons=("SKB_GSO_SEG", "SKB_UCOPY_FAULT"),
)

FALLBACK = "ip netns exec {netns} ip -details link show"


def explains(loss: Loss) -> bool:
    """Whether it was freed while being made fit for its device."""
    return was_freed_in(loss, "validate_xmit_skb", "skb_segment", "__skb_gso_segment")
