"""The VFD has no route for the destination address.

None of the route tables that apply to the packet has a prefix that covers its destination, and
there is no default route. The VFD drops it and tells the sender "network unreachable".

How it is proven: the kernel freed the packet with the reason IP_INNOROUTES or IP_OUTNOROUTES,
and the agent's own look-up of the same packet found no route.

What to check: the VPC's route table: is the prefix there, in this table, and is its next hop
alive? A route vanishes with its device: a device that was switched off takes its routes along.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

CAUSE = Cause(
    code="VPC_ROUTE_MISSING",
    title="No route to the destination",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning=(
        "Your network's route table does not say where packets to this destination go."
    ),
    operator_meaning="The FIB look-up ended without a match (ENETUNREACH) at this VFD.",
    remedy=Remedy(
        text="Add a route for {dst} to the route table, or repair the one that should be there.",
        command="ip netns exec {netns} ip route get {dst} from {src} iif {in_port}",
    ),
    drop_reasons=("IP_INNOROUTES", "IP_OUTNOROUTES"),
)

FALLBACK = "ip netns exec {netns} ip route get {dst}"


def explains(loss: Loss) -> bool:
    """Whether no route was found, also where the kernel does not say so."""
    route = loss.site.route
    has_none = route is not None and route.kind is RouteKind.NONE
    return has_none and is_route_drop(loss) and loss.drop_reason != "IP_INADDRERRORS"
