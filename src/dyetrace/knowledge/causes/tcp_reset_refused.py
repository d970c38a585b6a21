"""A reset came that is not exactly what the connection's other end would send.

Firewalls that cut connections guess the numbers; so do attackers. A restarted peer may send
such resets too.

How it is proven: the kernel's drop reason TCP_RESET.

What to check: where resets come from: trace them from the supposed sender.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_RESET_REFUSED",
    title="Reset that does not fit the connection",
    severity=Severity.MINOR,
    layer=Layer.TRANSPORT,
    owner=Owner.OUTSIDE,
    tenant_meaning="Somebody tries to cut the connection, and the receiver does not believe it.",
    operator_meaning=(
        "An RST whose sequence number is in the window but not exact (RFC 5961), or for nothing."
    ),
    remedy=Remedy(
        text="Find out who sends resets in the name of {src}.",
        command="ip netns exec {netns} nstat -az TcpExtTCPChallengeACK",
    ),
    drop_reasons=("TCP_RESET",),
)
