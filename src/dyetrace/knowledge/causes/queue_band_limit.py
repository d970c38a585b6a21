"""The queue has bands by priority, and the packet's band is full while others may be empty.

All traffic of one DSCP class shares a band; a bulk flow there starves the rest of its class.

How it is proven: the kernel's drop reason FQ_BAND_LIMIT.

What to check: which class the packets have, and what else is in that band.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_BAND_LIMIT",
    title="Priority band full",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="Traffic of this priority is more than the network lets out.",
    operator_meaning="fq: the packet's priority band has reached its share of the limit.",
    remedy=Remedy(
        text="Change the priomap or the weights of {device}, or the class of the traffic.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=(
        "FQ_BAND_LIMIT",
        "QDISC_DROP_BAND_LIMIT",
        "QDISC_DROP_FQ_BAND_LIMIT",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
