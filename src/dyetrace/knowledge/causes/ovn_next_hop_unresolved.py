"""The logical router does not know the MAC address of the next hop.

OVN asks by ARP and keeps the answer as a MAC binding. Outside of the cloud nobody may be there
to answer. The present drivers do not observe this: it is here for the driver of this data
plane.

How it is proven: the packet ended in OVN's stage lr_in_arp_resolve or lr_in_arp_request, which
the driver reports as the drop reason OVN_NEXT_HOP_UNRESOLVED_STAGE: a flow's cookie leads to
its logical flow.

What to check: the MAC bindings for the next hop, and the gateway's connection to the outside.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_NEXT_HOP_UNRESOLVED",
    title="Logical router's next hop does not answer",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The machine that should take the packet next does not answer.",
    operator_meaning="lr_in_arp_resolve: no MAC_Binding for the next hop.",
    remedy=Remedy(
        text="See whether the next hop towards {dst} has a MAC binding.",
        command="ovn-sbctl list mac_binding",
    ),
    drop_reasons=("OVN_NEXT_HOP_UNRESOLVED_STAGE",),
)
