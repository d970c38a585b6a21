"""Routers send the packet to each other in circles, until its TTL is used up.

Each of them has a route for the destination that leads to the next one, and the last one's
leads back to the first. Usually one of them lacks the route to where the destination really is,
and falls back to a wider one.

How it is proven: the kernel dropped the packet because its TTL (IPv6: hop limit) was used up,
and the records show that it passed the same VFDs again and again, with a smaller TTL each time.

What to check: the route to the destination on each VFD of the circle: one of them is wrong.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_ttl_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ROUTING_LOOP",
    title="Routed in a circle",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network sends the packet in circles.",
    operator_meaning="The same VFDs routed the packet to each other until its TTL was used up.",
    remedy=Remedy(
        text="Compare the routes to {dst} on the VFDs of the circle and correct the wrong one.",
        command="ip netns exec {netns} ip route get {dst} from {src} iif {in_port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip route get {dst}"


def explains(loss: Loss) -> bool:
    """Whether the TTL was used up by VFDs that had routed the packet before."""
    return bool(loss.circle) and is_ttl_drop(loss)
