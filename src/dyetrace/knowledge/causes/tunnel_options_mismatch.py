"""The two ends of a tunnel do not agree on checksums, sequence numbers or keys.

The receiving end drops what does not look as it was told, and what comes out of sequence.

How it is proven: no reason, freed in ip_tunnel_rcv or __ip6_tnl_rcv.

What to check: the flags (csum, seq, key) of both ends of the tunnel.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TUNNEL_OPTIONS_MISMATCH",
    title="Tunnel's two ends disagree about its options",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's tunnel is set up differently on its two sides.",
    operator_meaning=(
        "A GRE or IP tunnel refused the packet: checksum or sequence option does not fit."
    ),
    remedy=Remedy(
        text="Give both ends of the tunnel the same flags.",
        command="ip netns exec {netns} ip -details tunnel show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a tunnel's end refused it."""
    return was_freed_in(loss, "ip_tunnel_rcv", "__ip6_tnl_rcv", "ip6_tnl_rcv")
