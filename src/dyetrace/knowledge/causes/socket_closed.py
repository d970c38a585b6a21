"""The packet belongs to a connection, or to a socket, that has just been closed.

Late packets of a connection that the receiver has closed are dropped.

How it is proven: the kernel's drop reasons SOCKET_CLOSE and TCP_CLOSE, or QUEUE_PURGE freed
with a socket.

What to check: whether the receiving program closes connections earlier than its peer expects
(timeouts, restarts).
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SOCKET_CLOSED",
    title="Socket closed",
    severity=Severity.MINOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver had closed the connection already.",
    operator_meaning="Socket closed or in TCP state CLOSE.",
    remedy=Remedy(
        text="See why the program at {dst} closes the connection.",
        command="ip netns exec {netns} ss -tan",
    ),
    drop_reasons=("SOCKET_CLOSE", "TCP_CLOSE"),
)


def explains(loss: Loss) -> bool:
    """Whether it waited in a socket that was closed."""
    return was_said(
        loss,
        "QUEUE_PURGE",
        "sk_stream_kill_queues",
        "inet_sock_destruct",
        "tcp_disconnect",
        "udp_destruct_common",
    )
