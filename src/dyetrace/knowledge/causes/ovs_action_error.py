"""Open vSwitch has a flow for the packet, but one of its actions failed.

The flow could not be built completely (too deep, a missing tunnel endpoint), or an action could
not be carried out: connection tracking refused, or the packet could not be cut into fragments.

How it is proven: the drop reasons OVS_DROP_EXPLICIT_WITH_ERROR, OVS_DROP_ACTION_ERROR,
OVS_DROP_CONNTRACK, OVS_DROP_FRAG_L2_TOO_LONG and OVS_DROP_FRAG_INVALID_PROTO.

What to check: ovs-vswitchd's log at that time, and its coverage counters whose names begin with
drop_action_ and xlate.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_ACTION_ERROR",
    title="Virtual switch could not do what its flow says",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch failed to process the packet.",
    operator_meaning="Datapath action failed, or translation ended in an error.",
    remedy=Remedy(
        text="Look for the error in the log of ovs-vswitchd and its counters.",
        command="ovs-appctl coverage/show",
    ),
    drop_reasons=(
        "OVS_DROP_EXPLICIT_WITH_ERROR",
        "OVS_DROP_ACTION_ERROR",
        "OVS_DROP_CONNTRACK",
        "OVS_DROP_FRAG_L2_TOO_LONG",
        "OVS_DROP_FRAG_INVALID_PROTO",
    ),
)
