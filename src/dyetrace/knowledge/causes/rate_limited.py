"""A meter of the virtual switch allows less than was sent.

Open vSwitch meters cap the packets or bits per second of a flow or port, and drop what goes
above.

How it is proven: the drop reason OVS_DROP_METER.

What to check: the meter's rate and burst, and who should be under it.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="RATE_LIMITED",
    title="Above a meter's rate",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="You send more than the rate that was agreed for you.",
    operator_meaning="An OpenFlow meter band dropped the packet.",
    remedy=Remedy(
        text="Raise the meter's rate, or have less sent.",
        command="ovs-ofctl -O OpenFlow15 meter-stats {vfd}",
    ),
    drop_reasons=("OVS_DROP_METER",),
)

FALLBACK = "ovs-vsctl show"
