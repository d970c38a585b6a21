"""The packets that carry the tunnel are sent into the tunnel.

A default route through the tunnel without a host route to its other end does that, as does a
routing daemon that learns the other end's prefix through the tunnel.

How it is proven: the kernel's drop reason RECURSION_LIMIT, freed by a tunnel's transmit
function.

What to check: the route to the tunnel's other end: it must not lead into the tunnel.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TUNNEL_ROUTED_INTO_ITSELF",
    title="Tunnel routed into itself",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's tunnel runs in circles.",
    operator_meaning=(
        "Transmit recursion in a tunnel: the route to its other end leads into the tunnel."
    ),
    remedy=Remedy(
        text="Add a route to {outer_dst} that does not use the tunnel.",
        command="ip netns exec {netns} ip route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -details link show"


def explains(loss: Loss) -> bool:
    """Whether a tunnel recursed."""
    return was_said(
        loss,
        "RECURSION_LIMIT",
        "iptunnel_xmit",
        "udp_tunnel_xmit_skb",
        "udp_tunnel6_xmit_skb",
        "ip6tunnel_xmit",
        "ip_tunnel_xmit",
        "vxlan_xmit_one",
        "geneve_xmit_skb",
    )
