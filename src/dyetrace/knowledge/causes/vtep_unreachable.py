"""The overlay knows where to send the packet, but the underlay has no route there.

The VTEP's address, or the SID, is not in the route table of the host that encapsulates, or of a
router in between. The tenant's own routes are in order.

How it is proven: the packet was dropped for want of a route while it was being encapsulated
(IP_OUTNOROUTES in vxlan_xmit_one) or when it already was.

What to check: the underlay's routes: is the VTEP's or SID's prefix announced, and does this
host hear it?
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import NO_ROUTE, function, is_route_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

ENCAPSULATING = frozenset(
    {"vxlan_xmit_one", "vxlan_xmit", "geneve_xmit", "ip_tunnel_xmit", "ip_md_tunnel_xmit"}
)

CAUSE = Cause(
    code="VTEP_UNREACHABLE",
    title="No route to the tunnel's other end",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's network cannot reach the receiving host.",
    operator_meaning="Underlay route look-up for the outer destination failed.",
    remedy=Remedy(
        text=(
            "Add the underlay route to {outer_dst}, or repair the routing session it should "
            "come from."
        ),
        command="ip netns exec {netns} ip route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip route show table all"


def explains(loss: Loss) -> bool:
    """Whether the outer packet found no route."""
    if loss.drop_reason in NO_ROUTE and function(loss) in ENCAPSULATING:
        return True
    return loss.outer is not None and is_route_drop(loss)
