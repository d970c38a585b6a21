"""The connection was opened with data in its first packet, and that was not accepted.

The receiver's queue for such requests is full, or the half-open connection refused the segment.

How it is proven: the kernel's drop reason TCP_FASTOPEN.

What to check: the counters of TCP Fast Open at the receiver.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_FAST_OPEN_REFUSED",
    title="Refused as a TCP Fast Open request",
    severity=Severity.MINOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning=(
        "Sending data with the first packet does not work here; the connection opens the usual way."
    ),
    operator_meaning="A Fast Open request was dropped: cookie, queue or state.",
    remedy=Remedy(
        text="Raise the queue for Fast Open at {dst}, or do without it.",
        command=(
            "ip netns exec {netns} nstat -az TcpExtTCPFastOpenPassiveFail "
            "TcpExtTCPFastOpenListenOverflow"
        ),
    ),
    drop_reasons=("TCP_FASTOPEN",),
)
