"""A routing rule, not a route, refuses the packet.

Routing rules choose the table by source, mark or device; they may refuse by themselves. No
route that you add to a table helps as long as the rule comes first.

How it is proven: the look-up of the same packet failed with the error of a refusal, and the
first routing rule that matches it and refuses with that error is named; or, where rules cannot
be read, no route that refuses covers the destination.

What to check: the rules in order of their priority, and which of them matches this source, mark
and device.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

REFUSING = frozenset({RouteKind.BLACKHOLE, RouteKind.UNREACHABLE, RouteKind.PROHIBIT})

CAUSE = Cause(
    code="POLICY_RULE_BLOCKS",
    title="Refused by a routing rule",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "A rule of the provider's routers refuses this traffic before any route is asked."
    ),
    operator_meaning=(
        "A routing policy rule (ip rule) of type blackhole, unreachable or prohibit matched."
    ),
    remedy=Remedy(
        text="Remove the rule, or put one before it that sends {src} to the right table.",
        command="ip netns exec {netns} ip rule show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a rule was found that refuses, or a refusal without a route that does."""
    route = loss.site.route
    if route is None or not is_route_drop(loss):
        return False
    is_without_route = route.kind in REFUSING and route.prefix is None and bool(route.error)
    return route.rule is not None or is_without_route
