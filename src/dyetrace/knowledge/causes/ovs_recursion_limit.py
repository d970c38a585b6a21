"""The packet was recirculated, cloned or resubmitted more often than the switch allows.

Patch ports that meet each other, a service chain that leads back, or very long chains of
connection tracking and sampling.

How it is proven: the drop reasons OVS_DROP_RECURSION_LIMIT and OVS_DROP_DEFERRED_LIMIT.

What to check: ofproto/trace: tables that repeat are the circle.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_RECURSION_LIMIT",
    title="Goes in circles inside the virtual switch",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch sends the packet in circles.",
    operator_meaning="OVS gave up: recursion, or too many deferred actions.",
    remedy=Remedy(
        text="Follow the packet through the switch's tables, and look for those that repeat.",
        command="ovs-appctl coverage/show",
    ),
    drop_reasons=(
        "OVS_DROP_RECURSION_LIMIT",
        "OVS_DROP_DEFERRED_LIMIT",
    ),
)
