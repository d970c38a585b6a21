"""Packets waited for a VM that then closed its network card.

A VM that stops, restarts or moves to another host does that.

How it is proven: freed in tun_queue_purge, __tun_detach, tun_ptr_free, tap_sock_destruct or
tap_queue_resize.

What to check: what happened to the VM at that time.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

DETACHING = frozenset(
    {
        "tun_queue_purge",
        "__tun_detach",
        "tun_ptr_free",
        "tap_sock_destruct",
        "tap_queue_resize",
        "__skb_array_destroy_skb",
    }
)

CAUSE = Cause(
    code="TAP_DETACHED",
    title="Network card closed with packets waiting",
    severity=Severity.MINOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The VM was stopped or moved while packets waited for it.",
    operator_meaning="A tun, tap or macvtap queue was closed and purged.",
    remedy=Remedy(
        text="Nothing, if the VM was meant to stop; see the log of its hypervisor otherwise.",
        command="journalctl --since -10min",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a closing queue freed it."""
    return was_dropped(loss) and function(loss) in DETACHING
