"""Packets are handed to a program by AF_XDP, and it does not take them fast enough.

The fill ring must have free buffers, and the receive ring room.

How it is proven: no reason, freed in xsk_generic_rcv, xsk_rcv or __xsk_generic_xmit.

What to check: the socket's statistics (rx_dropped, rx_fill_ring_empty_descs), and the program's
CPU.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="AF_XDP_RING_FULL",
    title="Reader of an AF_XDP ring does not keep up",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A fast forwarding program of the network does not keep up.",
    operator_meaning="The AF_XDP socket's ring is full, or it has no buffer filled.",
    remedy=Remedy(
        text="Give the program larger rings or more CPU time.",
        command="ip netns exec {netns} ss --xdp -a -e",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether an AF_XDP socket refused it."""
    return was_freed_in(
        loss, "xsk_generic_rcv", "xsk_rcv", "__xsk_generic_xmit", "xsk_destruct_skb"
    )
