"""The route leads into a WireGuard device, and none of its peers takes the destination.

Each peer has a list of addresses it answers for. It also needs an endpoint, at least once it
has spoken.

How it is proven: no reason, freed in wg_xmit.

What to check: the allowed IPs and the endpoint of each peer.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="WIREGUARD_PEER_MISSING",
    title="No WireGuard peer for the destination",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The network's tunnel does not know who has this destination.",
    operator_meaning=(
        "wg_xmit: no peer's allowed IPs cover the destination, or the peer has no endpoint."
    ),
    remedy=Remedy(
        text="Add {dst} to the allowed IPs of the peer that has it.",
        command="ip netns exec {netns} wg show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether WireGuard found no peer."""
    return was_freed_in(loss, "wg_xmit")
