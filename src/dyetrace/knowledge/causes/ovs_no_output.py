"""The switch's tables were passed to the end, and no port came out.

Nobody said drop: a table has no rule for the packet, or an output goes to a port that has gone.

How it is proven: the drop reason OVS_DROP_LAST_ACTION.

What to check: ofproto/trace with the very packet: the table where it ends is the one that lacks
a rule.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_NO_OUTPUT",
    title="Flow that sends the packet nowhere",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch does not know where to send the packet.",
    operator_meaning="The datapath flow ended without an output, and without an explicit drop.",
    remedy=Remedy(
        text="Follow the packet through the switch's tables.",
        command="ovs-appctl dpctl/dump-flows -m",
    ),
    drop_reasons=("OVS_DROP_LAST_ACTION",),
)
