"""The packet must pass a gateway, and no host plays it.

All hosts that could carry the gateway port are down, or BFD between them fails. The present
drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage lr_in_gw_redirect, which the driver reports as
the drop reason OVN_GATEWAY_DOWN_STAGE: a flow's cookie leads to its logical flow.

What to check: which chassis has the port, and the BFD sessions between gateways.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_GATEWAY_DOWN",
    title="No gateway carries the logical router",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The gateway to the outside is down.",
    operator_meaning="lr_in_gw_redirect: no chassis is active for the gateway port.",
    remedy=Remedy(
        text="See which host carries the gateway port.",
        command="ovn-sbctl find port_binding type=chassisredirect",
    ),
    drop_reasons=("OVN_GATEWAY_DOWN_STAGE",),
)
