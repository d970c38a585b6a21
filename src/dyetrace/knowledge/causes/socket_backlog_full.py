"""While a program works on its socket, packets wait beside it, and too many did.

Long system calls on the socket, or a receiver short of CPU time, make this happen under load.

How it is proven: the kernel's drop reason SOCKET_BACKLOG.

What to check: the receiver's CPU time, and the counter TcpExtTCPBacklogDrop.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SOCKET_BACKLOG_FULL",
    title="Receiver is busy with the socket",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiving program is busy while packets come.",
    operator_meaning=(
        "The socket's backlog (rcvbuf + sndbuf) is full while its owner holds the lock."
    ),
    remedy=Remedy(
        text="Give the receiving program more CPU time, or its socket a larger buffer.",
        command="ip netns exec {netns} nstat -az TcpExtTCPBacklogDrop",
    ),
    drop_reasons=("SOCKET_BACKLOG",),
)
