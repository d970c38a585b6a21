"""The packet reached the device's driver, and the driver threw it away.

Drivers do that when their ring is full although the queue was not stopped, when memory cannot
be mapped, or when the packet has a form the card cannot send.

How it is proven: no reason, freed in dev_kfree_skb_any_reason, dev_kfree_skb_irq_reason or
net_tx_action, which drivers call.

What to check: the device's own counters (ethtool -S) and the kernel's log.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DRIVER_TX_DROP",
    title="Driver did not send the packet",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A network card's driver could not send the packet.",
    operator_meaning=(
        "The driver's transmit function freed the packet (ring full, mapping failed, bad length)."
    ),
    remedy=Remedy(
        text="Look at the error counters of {port}.",
        command="ip netns exec {netns} ethtool -S {port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -s -s link show"


def explains(loss: Loss) -> bool:
    """Whether a driver freed it."""
    return was_freed_in(
        loss,
        "dev_kfree_skb_any_reason",
        "dev_kfree_skb_irq_reason",
        "net_tx_action",
        "__dev_kfree_skb_any",
        "__dev_kfree_skb_irq",
    )
