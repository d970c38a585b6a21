"""The frame came to a machine whose MAC address is not the one it is for.

The switch sent the frame to the wrong port, or the sender wrote the wrong MAC address: a stale
neighbour entry, a forwarding entry of a VM that has moved, two machines with one address.

How it is proven: the kernel's drop reason OTHERHOST at a VFD where the packet ended. (Copies
that a flooding switch sends to everybody end the same way and are no loss.) Or the packet was
last seen leaving by the port of a VM that has another address: where such a VM is meant to
forward it (a firewall, a router), look for the loss inside that VM.

What to check: the sender's neighbour entry for the next hop, and the forwarding tables of the
switches for that MAC address.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MISDELIVERED",
    title="Delivered to the wrong machine",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network delivered the packet to the wrong machine.",
    operator_meaning=("Destination MAC is not this device's: stale neighbour or forwarding entry."),
    remedy=Remedy(
        text="Compare the MAC address the packet is sent to with that of the next hop.",
        command="ip netns exec {netns} tcpdump -c 5 -e -n host {dst}",
    ),
    drop_reasons=("OTHERHOST",),
)


def explains(loss: Loss) -> bool:
    """Whether it left by the port of a VM that has not its destination's address."""
    return loss.place is Place.BETWEEN_VFDS and loss.is_at_stranger
