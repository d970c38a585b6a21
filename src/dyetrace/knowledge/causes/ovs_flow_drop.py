"""Open vSwitch's flow for the packet says drop.

A rule of the pipeline drops on purpose: a security group, port security, or a table's default.

How it is proven: the drop reason OVS_DROP_EXPLICIT.

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
    operator_meaning="The datapath flow has an explicit drop action.",
    remedy=Remedy(
        text="Follow the packet through the switch's tables.",
        command="ovs-appctl dpctl/dump-flows -m",
    ),
    drop_reasons=("OVS_DROP_EXPLICIT",),
)
