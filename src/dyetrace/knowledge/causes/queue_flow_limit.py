"""The queue keeps flows apart, and this one has too many packets waiting.

Senders that do not slow down, or sockets whose congestion control is off, hit this; other flows
are not hurt.

How it is proven: the kernel's drop reason FQ_FLOW_LIMIT.

What to check: the flow's rate against the device's, and whether its sender paces.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="QUEUE_FLOW_LIMIT",
    title="Flow has more than its share of the queue",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="This one connection sends faster than the network lets out.",
    operator_meaning="fq: the flow has reached flow_limit, while the queue as a whole has room.",
    remedy=Remedy(
        text="Have {src} send slower, or raise the flow limit of {device}.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=(
        "FQ_FLOW_LIMIT",
        "QDISC_DROP_FLOW_LIMIT",
        "QDISC_DROP_FQ_FLOW_LIMIT",
    ),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
