"""An active queue dropped the packet to make senders slow down.

Queues such as CoDel, PIE, CAKE and DualPI2 drop single packets before the queue is full.
TCP copes; for the flow as a whole little is lost.

How it is proven: the kernel's drop reasons QDISC_CONGESTED and DUALPI2_STEP_DROP.

What to check: whether the link is the bottleneck you expect. ECN lets such queues mark packets
instead.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_CONGESTED",
    title="Dropped early against congestion",
    severity=Severity.MINOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning=("The network asks the sender to slow down by dropping a packet now and then."),
    operator_meaning="AQM drop: the queue's delay is above its target.",
    remedy=Remedy(
        text="Nothing, if the link is meant to be this busy; ECN spares the drops.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=(
        "QDISC_CONGESTED",
        "DUALPI2_STEP_DROP",
        "QDISC_DROP_CONGESTED",
        "QDISC_DROP_L4S_STEP_NON_ECN",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
