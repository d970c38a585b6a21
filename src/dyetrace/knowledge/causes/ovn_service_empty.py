"""The logical load balancer has no backend for the address.

All backends failed their health check, or none was configured. The present drivers do not
observe this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage ls_in_lb or lr_in_dnat, which the driver
reports as the drop reason OVN_SERVICE_EMPTY_STAGE: a flow's cookie leads to its logical flow.

What to check: the load balancer's backends and their health.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_SERVICE_EMPTY",
    title="Logical load balancer without a backend",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="The service exists, but nothing is behind it at the moment.",
    operator_meaning="A load balancer's virtual address without backends drops or rejects.",
    remedy=Remedy(
        text="Give the load balancer of {dst} a backend.",
        command="ovn-nbctl lb-list",
    ),
    drop_reasons=("OVN_SERVICE_EMPTY_STAGE",),
)
