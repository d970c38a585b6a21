"""The packet left its VFD, and the queue behind that still holds packets.

A shaper with a very low rate, a queue that is throttled, or a driver that has stopped keep
packets longer than the task waits.

How it is proven: inferred: an EGRESS record, no INGRESS record at the next VFD, no drop, and a
queue that was not empty when the agent looked.

What to check: the queue's rate against what is sent, and whether its backlog shrinks.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="STUCK_IN_QUEUE",
    title="Still waits in a queue",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The network lets packets out so slowly that yours still waits.",
    operator_meaning=(
        "EGRESS seen, no drop, and the agent found packets waiting in the port's queue."
    ),
    remedy=Remedy(
        text="Raise the rate of the queue on {device}.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"


def explains(loss: Loss) -> bool:
    """Whether it vanished behind a queue that is not empty."""
    return (
        loss.place is Place.BETWEEN_VFDS
        and loss.site.queue is not None
        and loss.site.queue.packets > 0
    )
