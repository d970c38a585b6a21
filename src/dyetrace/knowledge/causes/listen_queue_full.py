"""More connections wait to be accepted than the program allows.

A listening socket has a queue of connections that the program has not yet accepted. When it is
full, new ones are dropped and their senders try again a second later.

How it is proven: the kernel's drop reason TCP_LISTEN_OVERFLOW.

What to check: the backlog the program asks for, net.core.somaxconn, and why it accepts slowly.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="LISTEN_QUEUE_FULL",
    title="Receiver does not accept fast enough",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiving program does not accept new connections fast enough.",
    operator_meaning="Accept queue overflow.",
    remedy=Remedy(
        text="Have the program accept faster, or raise its backlog and somaxconn.",
        command="ip netns exec {netns} ss -lnt",
    ),
    drop_reasons=("TCP_LISTEN_OVERFLOW",),
)
