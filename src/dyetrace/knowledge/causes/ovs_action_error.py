"""Open vSwitch has a flow for the packet, but one of its actions failed.

A header could not be pushed, popped or set, the packet was too short for it, or memory ran out.

How it is proven: the drop reason OVS_DROP_ACTION_ERROR.

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
    operator_meaning="An action of the datapath flow could not be carried out.",
    remedy=Remedy(
        text="Look for the error in the log of ovs-vswitchd and its counters.",
        command="ovs-appctl coverage/show",
    ),
    drop_reasons=("OVS_DROP_ACTION_ERROR",),
)
