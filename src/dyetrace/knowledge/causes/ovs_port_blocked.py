"""The switch's tables lead to a port that may not forward.

Spanning tree keeps it closed, or no-forward was set by OpenFlow. The present drivers do not
observe this: it is here for the driver of this data plane.

How it is proven: the coverage counter drop_action_forwarding_disabled, as a drop reason of this
name.

What to check: the states of the switch's ports.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_PORT_BLOCKED",
    title="Virtual switch's port may not forward",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual switch keeps one of its ports closed.",
    operator_meaning="drop_action_forwarding_disabled: STP, RSTP or the port's own configuration.",
    remedy=Remedy(
        text="Look at the states of the switch's ports.",
        command="ovs-ofctl show {vfd}",
    ),
    drop_reasons=("DROP_ACTION_FORWARDING_DISABLED",),
)

FALLBACK = "ovs-appctl stp/show"
