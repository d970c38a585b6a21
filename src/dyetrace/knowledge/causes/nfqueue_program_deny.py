"""A rule handed the packet to a program, and the program decided to drop it.

Intrusion prevention systems decide so in user space: their own log says why.

How it is proven: freed in nfqnl_reinject or nfqnl_recv_verdict, where the program's decision
comes back.

What to check: the log of the program that reads the queue.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NFQUEUE_PROGRAM_DENY",
    title="Denied by a filter program",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet filter program of the network does not let this traffic pass.",
    operator_meaning="The reader of an NFQUEUE returned drop for the packet.",
    remedy=Remedy(
        text="Look up the packet in the log of the program that reads the queue.",
        command="ip netns exec {netns} cat /proc/net/netfilter/nfnetlink_queue",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether user space's decision dropped it."""
    return was_dropped(loss) and function(loss) in {
        "nfqnl_reinject",
        "nfqnl_recv_verdict",
        "nf_reinject",
    }
