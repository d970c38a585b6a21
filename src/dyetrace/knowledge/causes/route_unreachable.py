"""A route of type unreachable refuses the destination.

The most specific route for the packet says that the destination cannot be reached, and tells
the sender "host unreachable". Routing daemons and clusters set such routes for address blocks
whose parts are all elsewhere.

How it is proven: the agent's look-up of the same packet ended in an unreachable route. Without
one, an IPv4 packet that was freed in ip_error without a reason met a route that refuses: a
missing route would have had a reason.

What to check: whether the part of the block that covers the destination should be announced,
and by whom.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop, was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

CAUSE = Cause(
    code="ROUTE_UNREACHABLE",
    title="Refused by an unreachable route",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="A route of your network says that this destination cannot be reached.",
    operator_meaning="The FIB look-up ended in a route of type unreachable (EHOSTUNREACH).",
    remedy=Remedy(
        text="Remove the {object}, or add a more specific route for {dst}.",
        command="ip netns exec {netns} ip route show table all type unreachable",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a route refused it, and which kind of refusal is either known or cannot be."""
    if loss.drop_reason == "IP_INADDRERRORS":  # "host unreachable", but for want of forwarding
        return False
    route = loss.site.route
    is_known = route is not None and route.kind is RouteKind.UNREACHABLE
    return was_freed_in(loss, "ip_error") or (is_known and is_route_drop(loss))
