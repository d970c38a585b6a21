"""The packet went into a VFD, never came out, and nobody said that they dropped it.

Something took the packet without the kernel's drop tracepoint seeing it: a program redirected
it, a user-space data plane or hardware offload has it, it was consumed as delivered to the VFD
itself, or it still waits somewhere.

How it is proven: inferred: an INGRESS record, no EGRESS and no DROP record, and the host's
agent alive with no records lost. The agent's look at routes, neighbours and devices found
nothing wrong.

What to check: eBPF programs that redirect, NFQUEUE readers, offloaded flows, IPsec queues, and
whether the packet was really meant to be forwarded.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VFD_SILENT_DROP",
    title="Vanished inside a VFD",
    severity=Severity.CRITICAL,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="A device of the network lost the packet without saying why.",
    operator_meaning=(
        "Entered the VFD, no EGRESS, no kfree_skb: redirected, stolen, offloaded or queued."
    ),
    remedy=Remedy(
        text="List the programs on the VFD's devices and the queues that might hold it.",
        command="ip netns exec {netns} bpftool net show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it vanished inside a VFD."""
    return loss.place is Place.INSIDE_VFD
