"""The receiving program's buffer is full: it does not read as fast as packets come.

Each socket has a buffer. UDP drops what does not fit; TCP slows its sender down before.

How it is proven: the kernel's drop reason SOCKET_RCVBUFF.

What to check: the program's CPU time, its buffer size, and the sender's rate.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SOCKET_BUFFER_FULL",
    title="Receiver does not read fast enough",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiving program does not keep up with the traffic.",
    operator_meaning="Receive buffer of the socket is full.",
    remedy=Remedy(
        text="Speed the receiving program up, or give its socket a larger buffer.",
        command="ip netns exec {netns} ss -uamn",
    ),
    drop_reasons=("SOCKET_RCVBUFF",),
)
