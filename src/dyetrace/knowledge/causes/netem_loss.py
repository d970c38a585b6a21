"""The device has a queue that loses packets on purpose.

netem emulates bad networks. Somebody's test is still set up.

How it is proven: a drop by the queue, and the agent read the queue's kind as netem.

What to check: who set it up, and whether the test is over.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_queue_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NETEM_LOSS",
    title="Emulated loss",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The network was told to lose packets for a test.",
    operator_meaning=(
        "The qdisc that dropped it is netem: its loss model, or its limit, is at work."
    ),
    remedy=Remedy(
        text="Remove the emulation from {device}.",
        command="ip netns exec {netns} tc qdisc show dev {device}",
    ),
)

FALLBACK = "ip netns exec {netns} tc qdisc show"


def explains(loss: Loss) -> bool:
    """Whether an emulating queue dropped it."""
    return is_queue_drop(loss) and loss.site.queue is not None and loss.site.queue.kind == "netem"
