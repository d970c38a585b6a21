"""A meter of the virtual switch caps the rate, and the packet was above it.

Meters limit tenants, and protect controllers from packets that have no flow yet (OVN's control
plane protection).

How it is proven: the drop reason OVS_DROP_METER.

What to check: which flow uses the meter, and its bands' rate and burst.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_METER_EXCEEDED",
    title="Above an OpenFlow meter's rate",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="More traffic than the virtual switch lets pass at this point.",
    operator_meaning="An OpenFlow meter's band dropped the packet.",
    remedy=Remedy(
        text="Raise the meter's rate or burst.",
        command="ovs-ofctl -O OpenFlow15 meter-stats {vfd}",
    ),
    drop_reasons=("OVS_DROP_METER",),
)

FALLBACK = "ovs-vsctl show"
