"""The flow sends the packet through connection tracking, and that failed.

Zones have limits of their own, fragments must be whole, and translation needs a free port.

How it is proven: the drop reason OVS_DROP_CONNTRACK.

What to check: the limits of the zone, and the number of its connections.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_CONNTRACK_REFUSED",
    title="Virtual switch's connection tracking refused it",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch could not keep track of the connection.",
    operator_meaning=(
        "The ct action failed: table or zone limit, fragments, helper, or NAT without a free port."
    ),
    remedy=Remedy(
        text="Raise the zone's limit, or look for the flows that fill it.",
        command="ovs-appctl dpctl/ct-get-limits",
    ),
    drop_reasons=("OVS_DROP_CONNTRACK",),
)
