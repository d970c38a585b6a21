"""The logical router has no route for the destination.

The static route is missing, is in another route table, or its next hop's health check failed
(BFD). The present drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage lr_in_ip_routing, which the driver reports as
the drop reason OVN_ROUTE_MISSING_STAGE: a flow's cookie leads to its logical flow.

What to check: the logical router's routes for the packet's route table.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_ROUTE_MISSING",
    title="Logical router has no route",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="Your router's table does not say where packets to this destination go.",
    operator_meaning="lr_in_ip_routing: no route for the destination, or one of action discard.",
    remedy=Remedy(
        text="Add a route for {dst} to the logical router.",
        command="ovn-nbctl lr-list",
    ),
    drop_reasons=("OVN_ROUTE_MISSING_STAGE",),
)
