"""The logical port lets only its own addresses out, or in.

Addresses that move between VMs must be added to the port. The present drivers do not observe
this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage ls_in_apply_port_sec or ls_out_apply_port_sec,
which the driver reports as the drop reason OVN_PORT_SECURITY_DENY_STAGE: a flow's cookie leads
to its logical flow.

What to check: the port's port_security against the packet's source.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_PORT_SECURITY_DENY",
    title="Refused by OVN's port security",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="The sender uses an address that the network has not given to its network card.",
    operator_meaning="The source MAC or IP is not in the logical port's port_security.",
    remedy=Remedy(
        text="Add the sender's addresses to its port's port_security.",
        command="ovn-nbctl --columns=name,port_security list logical_switch_port",
    ),
    drop_reasons=("OVN_PORT_SECURITY_DENY_STAGE",),
)
