"""The user-space switch could not put the tunnel's header on, or take it off.

No route or neighbour for the tunnel's other end, a header that is cut short, or options that
are not understood. The present drivers do not observe this: it is here for the driver of this
data plane.

How it is proven: the coverage counters datapath_drop_tunnel_push_error and
datapath_drop_tunnel_pop_error, as drop reasons of these names.

What to check: the switch's own route and neighbour tables (ovs/route/show, tnl/neigh/show).
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_TUNNEL_FAILED",
    title="Virtual switch's tunnel failed",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's tunnel between two hosts does not work.",
    operator_meaning="Userspace datapath: tunnel header could not be pushed or popped.",
    remedy=Remedy(
        text="Look at the switch's routes to the tunnel's other end.",
        command="ovs-appctl ovs/route/show",
    ),
    drop_reasons=(
        "DATAPATH_DROP_TUNNEL_PUSH_ERROR",
        "DATAPATH_DROP_TUNNEL_POP_ERROR",
    ),
)
