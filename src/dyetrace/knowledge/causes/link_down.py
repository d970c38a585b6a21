"""The device that the packet should leave or enter by is down.

Somebody switched the device off, or there is nobody at its other end: a veth whose peer is
down, a tap whose VM does not run, a cable that is out. What the kernel says of it depends on
where the packet meets the dead device.

How it is proven: the agent read the device as down, and the packet vanished there or was
dropped with a reason that a dead device gives. On Linux 6.18: a queue's drop (QDISC_DROP, for a
device without carrier has no queue), NEIGH_FAILED (neighbours on it cannot answer),
NO_TX_TARGET (a bridge leaves its dead ports out), BRIDGE_INGRESS_STP_STATE (the bridge itself
is down), or no reason from __dev_forward_skb2 (the peer is down). A route goes with its device
(IP_OUTNOROUTES), and a bridge that held a dead port closed does not say which: then it is a dead
device with an address, or a dead port that forwarding entries lead to.

What to check: whether the VM runs, and whether the device was switched off on purpose.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import dead_link, was_dropped, was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

SAID_OF_DEAD_DEVICES = frozenset(
    {
        "",
        "NOT_SPECIFIED",
        "DEV_READY",
        "QDISC_DROP",
        "QDISC_DROP_GENERIC",
        "QUEUE_PURGE",
        "FULL_RING",
        "NEIGH_FAILED",
        "NEIGH_QUEUEFULL",
        "NEIGH_DEAD",
        "NO_TX_TARGET",
        "BRIDGE_INGRESS_STP_STATE",
        "IP_INNOROUTES",
        "IP_OUTNOROUTES",
    }
)

CAUSE = Cause(
    code="LINK_DOWN",
    title="Device down",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A network card or virtual cable on the way is switched off or unplugged.",
    operator_meaning="A device on the path is administratively down or without carrier.",
    remedy=Remedy(
        text="Switch {device} on, or see who should be at its other end.",
        command="ip netns exec {netns} ip link set dev {device} up",
    ),
    drop_reasons=("DEV_READY",),
)

FALLBACK = "ip netns exec {netns} ip link show"


def explains(loss: Loss) -> bool:
    """Whether a device concerned is down, and the packet's end fits that."""
    if dead_link(loss) is not None:
        return not was_dropped(loss) or loss.drop_reason in SAID_OF_DEAD_DEVICES
    is_up = bool(loss.site.links)
    return was_freed_in(loss, "__dev_forward_skb2", "____dev_forward_skb") and not is_up
