"""A SYN came for a connection that the receiver still holds for open.

The sender lost its state (a restart, a translation that reuses ports) while the receiver kept
its own. The receiver answers with a challenge; the next try works.

How it is proven: the kernel's drop reason TCP_INVALID_SYN.

What to check: whether the sender restarted, and how long the receiver keeps dead connections.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_SYN_UNEXPECTED",
    title="Opens a connection that is open",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The sender opens a connection that the receiver believes open.",
    operator_meaning="A SYN arrived for an established or closing connection.",
    remedy=Remedy(
        text="Use keep-alive at {dst} so that dead connections are noticed.",
        command="ip netns exec {netns} nstat -az TcpExtTCPSYNChallenge",
    ),
    drop_reasons=("TCP_INVALID_SYN",),
)
