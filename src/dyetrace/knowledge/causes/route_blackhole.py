"""A route of type blackhole swallows the packet without telling anybody.

The most specific route for the destination says to drop. Such routes are set against attacks,
to keep an aggregate from looping, or remain after the real route was withdrawn.

How it is proven: the agent's look-up of the same packet ended in a blackhole route. The
kernel's own words differ: Linux 6.18 gives no reason, freeing IPv4 packets in ip_error and IPv6
packets in dst_discard_out.

What to check: who set the route, and whether a more specific one should be there.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop, was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

CAUSE = Cause(
    code="ROUTE_BLACKHOLE",
    title="Swallowed by a blackhole route",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="A route of your network drops everything to this destination on purpose.",
    operator_meaning="The FIB look-up ended in a route or rule of type blackhole (EINVAL).",
    remedy=Remedy(
        text="Remove the {object}, or add a more specific route for {dst}.",
        command="ip netns exec {netns} ip route show table all type blackhole",
    ),
    drop_reasons=("BLACKHOLE",),
)


def explains(loss: Loss) -> bool:
    """Whether the route that dropped it is, or can only be, a blackhole."""
    if was_freed_in(loss, "dst_discard", "dst_discard_out"):
        return True
    route = loss.site.route
    return is_route_drop(loss) and route is not None and route.kind is RouteKind.BLACKHOLE
