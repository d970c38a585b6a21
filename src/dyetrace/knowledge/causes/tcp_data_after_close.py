"""The program closed its connection without waiting for the rest of the data.

What comes afterwards can reach nobody, so the kernel resets the connection and the sender sees
an error.

How it is proven: the kernel's drop reason TCP_ABORT_ON_DATA.

What to check: whether the receiving program closes too early, or was restarted.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_DATA_AFTER_CLOSE",
    title="Data for a program that has gone",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver closed the connection while data was on its way.",
    operator_meaning="Data arrived after close: the connection is reset.",
    remedy=Remedy(
        text="Have the program at {dst} read to the end before it closes.",
        command="ip netns exec {netns} nstat -az TcpExtTCPAbortOnData",
    ),
    drop_reasons=("TCP_ABORT_ON_DATA",),
)
