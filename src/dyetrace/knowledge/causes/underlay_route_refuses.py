"""There is an underlay route for the tunnel's other end, and it says to drop.

Routing daemons set such routes for prefixes whose parts are elsewhere; withdrawn hosts leave
them behind.

How it is proven: the encapsulated packet was dropped by its route, and the agent's look-up
ended in a route that refuses.

What to check: who set the route, and whether a more specific one to the other end should be
there.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

REFUSING = frozenset({RouteKind.BLACKHOLE, RouteKind.UNREACHABLE, RouteKind.PROHIBIT})

CAUSE = Cause(
    code="UNDERLAY_ROUTE_REFUSES",
    title="Underlay route refuses the tunnel's other end",
    severity=Severity.CRITICAL,
    layer=Layer.UNDERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="A route of the provider's network shuts out the receiving host.",
    operator_meaning="The outer destination meets a blackhole, unreachable or prohibit route.",
    remedy=Remedy(
        text="Remove the {object}, or announce a more specific route to {outer_dst}.",
        command="ip netns exec {netns} ip route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip route show table all"


def explains(loss: Loss) -> bool:
    """Whether an outer packet met a route that refuses."""
    return (
        loss.outer is not None
        and is_route_drop(loss)
        and (route := loss.site.route) is not None
        and route.kind in REFUSING
    )
