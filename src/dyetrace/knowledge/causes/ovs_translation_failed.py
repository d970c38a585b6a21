"""The switch passed the packet through its tables and gave up with an error, so it drops the flow.

Too many resubmits, a bridge or a recirculation that has gone, metadata that does not fit:
ovs-vswitchd keeps a counter for each (drop_action_...).

How it is proven: the drop reason OVS_DROP_EXPLICIT_WITH_ERROR.

What to check: ovs-vswitchd's log at that time, and the counters drop_action_*.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_TRANSLATION_FAILED",
    title="Virtual switch could not work out a flow",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch failed to decide about the packet.",
    operator_meaning=(
        "xlate error: too many resubmits, missing bridge, stack depth, tunnel metadata, ..."
    ),
    remedy=Remedy(
        text="See which of the drop_action counters rises.",
        command="ovs-appctl coverage/show",
    ),
    drop_reasons=("OVS_DROP_EXPLICIT_WITH_ERROR",),
)
