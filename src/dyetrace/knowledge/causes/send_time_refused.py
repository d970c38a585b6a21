"""The packet carries a send time that the queue will not wait for.

Pacing senders write a departure time on each packet. One beyond the queue's horizon is dropped:
usually the sender's clock and the queue's are not the same.

How it is proven: the kernel's drop reason FQ_HORIZON_LIMIT.

What to check: whether a program sets send times (SO_TXTIME, eBPF) with the wrong clock; times
survive a move between namespaces.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SEND_TIME_REFUSED",
    title="Asks to be sent too far in the future",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.TENANT,
    tenant_meaning="The sender asked to send later than the network is willing to wait.",
    operator_meaning="fq dropped the packet because its timestamp lies beyond the horizon.",
    remedy=Remedy(
        text="Correct the clock of whatever sets send times, or raise fq's horizon on {device}.",
        command="ip netns exec {netns} tc -s qdisc show dev {device}",
    ),
    drop_reasons=("FQ_HORIZON_LIMIT", "QDISC_DROP_HORIZON_LIMIT", "QDISC_DROP_FQ_HORIZON_LIMIT"),
)

FALLBACK = "ip netns exec {netns} tc -s qdisc show"
