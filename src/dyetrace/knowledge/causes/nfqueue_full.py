"""A rule hands packets to a program, and too many wait for its decision.

The queue has a length, and the program's socket a buffer. Either being full loses packets.

How it is proven: no reason, freed in nfqnl_enqueue_packet, where packets are put into the
queue.

What to check: the queue's counters of dropped packets (6th and 7th column), and the program's
CPU time.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NFQUEUE_FULL",
    title="Filter program does not keep up",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet filter program of the network does not keep up.",
    operator_meaning="The NFQUEUE has reached its length, or its reader's socket is full.",
    remedy=Remedy(
        text="Give the program more queues or CPU time, or raise the queue's length.",
        command="ip netns exec {netns} cat /proc/net/netfilter/nfnetlink_queue",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the queue to user space refused it."""
    return was_freed_in(loss, "nfqnl_enqueue_packet", "__nfqnl_enqueue_packet")
