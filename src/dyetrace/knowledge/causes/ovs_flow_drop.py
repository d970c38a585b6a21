"""Open vSwitch's flow for the packet says drop, or does not send it anywhere.

The pipeline of tables ended without an output: a rule drops on purpose (a security group, port
security), or no rule matched and the last table's default is to drop.

How it is proven: the drop reasons OVS_DROP_EXPLICIT and OVS_DROP_LAST_ACTION.

What to check: the pipeline with the very packet: ofproto/trace names each table and rule it
meets, and in OVN its cookie leads to the logical flow and the ACL.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_FLOW_DROP",
    title="Dropped by a flow of the virtual switch",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A rule of the virtual switch does not let this traffic pass.",
    operator_meaning="The datapath flow has no output action.",
    remedy=Remedy(
        text="Follow the packet through the switch's tables.",
        command="ovs-appctl dpctl/dump-flows -m",
    ),
    drop_reasons=("OVS_DROP_EXPLICIT", "OVS_DROP_LAST_ACTION"),
)
