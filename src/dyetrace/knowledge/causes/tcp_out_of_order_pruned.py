"""Data that came ahead of a gap was thrown away to make room, and must be sent again.

It begins with a loss elsewhere: the gap. A small buffer on a fast, long path makes it worse.

How it is proven: the kernel's drop reason TCP_OFO_QUEUE_PRUNE.

What to check: where the missing segment was lost; net.ipv4.tcp_rmem against bandwidth and
delay.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_OUT_OF_ORDER_PRUNED",
    title="Out-of-order data thrown away for room",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver had no room for data that came ahead of its turn.",
    operator_meaning="The out-of-order queue was pruned because the receive buffer is full.",
    remedy=Remedy(
        text="Raise tcp_rmem at {dst}, and trace what is lost before.",
        command="ip netns exec {netns} sysctl net.ipv4.tcp_rmem",
    ),
    drop_reasons=("TCP_OFO_QUEUE_PRUNE",),
)
