"""A rule hands packets to a program, and no program is there.

Intrusion prevention and proxies take packets out of the kernel by a queue. Without its reader
the queue refuses everything, unless the rule says `bypass`.

How it is proven: no reason, freed in nf_queue: the packet could not be handed over.

What to check: whether the program runs in this namespace, and which queue number it listens to.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NFQUEUE_NO_READER",
    title="Handed to a filter program that does not run",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet filter program of the network is not running.",
    operator_meaning="NFQUEUE without a reader: nobody is bound to the queue's number.",
    remedy=Remedy(
        text="Start the program that reads the queue, or let the rule bypass it.",
        command="ip netns exec {netns} cat /proc/net/netfilter/nfnetlink_queue",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it could not be handed to user space."""
    return was_freed_in(loss, "nf_queue", "__nf_queue", "nf_queue_nf_hook_drop")
