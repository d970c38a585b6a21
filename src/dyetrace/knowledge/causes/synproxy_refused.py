"""A protection against SYN floods answers for the server, and did not accept this segment.

The proxy lets a connection through only after the client returned the cookie it was sent. It
relies on connection tracking not to pick up connections midway.

How it is proven: the kernel's drop reason NETFILTER_DROP, freed in ipv4_synproxy_hook or
ipv6_synproxy_hook.

What to check: the proxy's counters, and that nf_conntrack_tcp_loose is 0 and timestamps are on,
as it demands.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SYNPROXY_REFUSED",
    title="Refused by the SYN proxy",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A protection against floods does not take this connection for a real one.",
    operator_meaning="SYNPROXY dropped the segment: no valid cookie, or no matching connection.",
    remedy=Remedy(
        text="Compare the proxy's counters before and after.",
        command="ip netns exec {netns} cat /proc/net/stat/synproxy",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the SYN proxy dropped it."""
    return was_said(loss, "NETFILTER_DROP", "ipv4_synproxy_hook", "ipv6_synproxy_hook")
