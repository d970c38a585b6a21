"""The next hop's MAC address cannot be found: it does not answer ARP or neighbour discovery.

The route is there, but the machine it leads to is not: it is off, has another address, sits in
another segment, or its answers are filtered. Packets wait for a few seconds, then are dropped;
more than fit the waiting queue are dropped at once.

How it is proven: the kernel's drop reasons NEIGH_FAILED, NEIGH_QUEUEFULL and NEIGH_DEAD, or no
reason from neigh_invalidate (IPv6 on Linux 6.18); or a packet that went into a VFD and stayed
there while the agent found the next hop incomplete or failed: it waits in the neighbour's
queue.

What to check: that the next hop is alive, has this address, and is in the same segment; whether
ARP or ICMPv6 is filtered on the way; on overlays, whether the neighbour or forwarding entry
should have been set by the controller.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.knowledge.signs import was_given_up
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import NeighbourState

UNANSWERED = frozenset({NeighbourState.INCOMPLETE, NeighbourState.FAILED})

CAUSE = Cause(
    code="NEIGHBOUR_UNRESOLVED",
    title="Next hop does not answer",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The machine that should take the packet next does not answer.",
    operator_meaning="ARP or neighbour discovery for the next hop failed or is under way.",
    remedy=Remedy(
        text="See whether {neighbour} is alive and reachable in this segment.",
        command="ip netns exec {netns} ip neighbour show to {neighbour}",
    ),
    drop_reasons=("NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_DEAD", "NEIGH_HH_FILLFAIL"),
)

FALLBACK = "ip netns exec {netns} ip neighbour show"


def explains(loss: Loss) -> bool:
    """Whether it was dropped by its neighbour entry, or waits there."""
    if was_given_up(loss):
        return True
    entry = loss.site.neighbour
    return loss.place is Place.INSIDE_VFD and entry is not None and entry.state in UNANSWERED
