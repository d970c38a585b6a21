"""The queue drops more and more packets of a flow that does not slow down.

UDP without congestion control, and attacks, are treated like this so that others keep their
share.

How it is proven: the kernel's drop reason CAKE_FLOOD.

What to check: what the flow is, and whether its protocol has congestion control.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_FLOOD_PROTECTION",
    title="Flow takes no notice of congestion",
    severity=Severity.MINOR,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="This connection does not slow down when the network asks it to.",
    operator_meaning="CAKE's BLUE drops packets of a flow that does not respond.",
    remedy=Remedy(
        text="Have {src} use a transport that slows down.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=(
        "CAKE_FLOOD",
        "QDISC_DROP_CAKE_FLOOD",
        "QDISC_DROP_FLOOD_PROTECTION",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
