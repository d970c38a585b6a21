"""A program steers data from socket to socket, and dropped this.

Service meshes shorten the way between proxy and program like that.

How it is proven: no reason, freed in sk_psock_verdict_apply, sk_psock_skb_redirect,
sk_psock_verdict_recv or sk_psock_backlog.

What to check: the mesh's proxy on the receiving host, and whether its sockets are alive.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SOCKMAP_DROP",
    title="Dropped by a socket's eBPF program",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.PROVIDER,
    tenant_meaning="A proxy of the network does not let this data pass.",
    operator_meaning=(
        "sockmap: the verdict program said drop, or redirected to a socket that is gone."
    ),
    remedy=Remedy(
        text="List the socket maps and their programs.",
        command="bpftool map show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a socket map's program freed it."""
    return was_freed_in(
        loss,
        "sk_psock_verdict_apply",
        "sk_psock_skb_redirect",
        "sk_psock_verdict_recv",
        "sk_psock_backlog",
        "sk_psock_strp_read",
    )
