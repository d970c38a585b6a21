"""The queue of the device that the packet should leave by did not take it.

More packets come than the device, or the rate limit on it, lets out; the queue has reached its
limit. Bursts suffice: the mean rate may be far below.

How it is proven: the kernel's drop reasons QDISC_DROP, QDISC_OVERLIMIT and their like,
with the depth of the queue at that moment. A queue that refuses while nothing waits in
it is not full: then a limit below it is at work, or the device is down.

What to check: the queue's limit and rate against the traffic; for a shaper, that its burst is
larger than the largest packet, segmentation offload included.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_FULL",
    title="Queue refused the packet",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning=("More traffic than the network lets out at this point, so part of it is lost."),
    operator_meaning="The qdisc refused the packet: limit reached or shaper out of tokens.",
    remedy=Remedy(
        text="Raise the rate or the limit of the queue on {device}, or have less sent.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=(
        "QDISC_DROP",
        "QDISC_OVERLIMIT",
        "QDISC_DROP_UNSPEC",
        "QDISC_DROP_GENERIC",
        "QDISC_DROP_OVERLIMIT",
        "QDISC_DROP_MAXFLOWS",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
