"""The packet came through the tunnel from a peer that may not send from this address.

The list of allowed addresses works both ways: it routes what goes out, and checks what comes
in.

How it is proven: no reason, freed in wg_packet_consume_data or wg_packet_receive.

What to check: the allowed IPs of the peer against the packet's source.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="WIREGUARD_SOURCE_REFUSED",
    title="WireGuard peer may not use this source",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The network's tunnel does not let the other side use this address.",
    operator_meaning=(
        "The decrypted packet's source is not in the peer's allowed IPs, or it is malformed."
    ),
    remedy=Remedy(
        text="Add {src} to the allowed IPs of the peer it comes from.",
        command="ip netns exec {netns} wg show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether WireGuard refused what it received."""
    return was_freed_in(
        loss,
        "wg_packet_consume_data",
        "wg_packet_consume_data_done",
        "wg_packet_receive",
        "wg_packet_rx_poll",
    )
