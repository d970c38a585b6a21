"""The encapsulated packet has a route in the underlay, and the next hop there does not answer.

The other host is off, its uplink is in another segment, or the physical router has moved. All
overlay traffic between the two hosts is hit.

How it is proven: a drop by a neighbour entry, of a packet that is encapsulated already.

What to check: that the other host's uplink is up and has this address, and the physical network
between.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_dropped, was_given_up
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VTEP_NEIGHBOUR_UNRESOLVED",
    title="Next hop towards the tunnel's other end does not answer",
    severity=Severity.CRITICAL,
    layer=Layer.UNDERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's network cannot reach the receiving host.",
    operator_meaning=(
        "ARP or neighbour discovery failed for the underlay next hop of the outer destination."
    ),
    remedy=Remedy(
        text="See whether {neighbour} is alive and reachable from host {host}.",
        command="ip netns exec {netns} ip neighbour show to {neighbour}",
    ),
)

FALLBACK = "ip netns exec {netns} ip neighbour show"


def explains(loss: Loss) -> bool:
    """Whether an encapsulated packet was dropped by its neighbour entry."""
    return (
        loss.outer is not None
        and was_dropped(loss)
        and (
            loss.drop_reason in {"NEIGH_FAILED", "NEIGH_QUEUEFULL", "NEIGH_DEAD"}
            or was_given_up(loss)
        )
    )
