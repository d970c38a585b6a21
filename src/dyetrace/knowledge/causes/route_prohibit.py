"""A route of type prohibit forbids the destination.

The most specific route or routing rule for the packet says that it must not pass, and tells the
sender "administratively prohibited".

How it is proven: the agent's look-up of the same packet ended in a prohibit route; IPv6 packets
are freed in ip6_pkt_prohibit. Linux 6.18 gives no reason for IPv4 and IP_INNOROUTES for IPv6.

What to check: who set the route or rule, and whether it is meant for this source.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, is_route_drop, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

CAUSE = Cause(
    code="ROUTE_PROHIBIT",
    title="Forbidden by a prohibit route",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="A route of your network forbids this destination.",
    operator_meaning="The FIB look-up ended in a route or rule of type prohibit (EACCES).",
    remedy=Remedy(
        text="Remove the {object}, or add a more specific route for {dst}.",
        command="ip netns exec {netns} ip route show table all type prohibit",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the route that dropped it is, or can only be, of type prohibit."""
    if was_dropped(loss) and function(loss) in {"ip6_pkt_prohibit", "ip6_pkt_prohibit_out"}:
        return True
    route = loss.site.route
    return is_route_drop(loss) and route is not None and route.kind is RouteKind.PROHIBIT
