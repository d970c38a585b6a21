"""The packet waited for its next hop's MAC address when that entry was removed.

Flushing the table, taking a device down or an entry written by a controller does that.

How it is proven: the kernel's drop reason QUEUE_PURGE, freed in neigh_flush_one, neigh_destroy
or __neigh_update.

What to check: who changes neighbour entries at that time.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NEIGHBOUR_ENTRY_REMOVED",
    title="Next hop was removed while packets waited",
    severity=Severity.MINOR,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network was being reconfigured while the packet waited.",
    operator_meaning="A neighbour entry with waiting packets was flushed or destroyed.",
    remedy=Remedy(
        text="Nothing, if the change was meant; see who removes neighbour entries otherwise.",
        command="ip netns exec {netns} ip -s neighbour show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether its neighbour entry was removed."""
    return was_said(loss, "QUEUE_PURGE", "neigh_flush_one", "neigh_destroy", "__neigh_update")
