"""The device that the packet was on, or should leave by, was deleted at that moment.

Packets that still refer to a device when it goes away end like this. A handful is normal, a
stream is not.

How it is proven: freed in blackhole_netdev_xmit, blackhole_neigh_output or flush_backlog.

What to check: what was deleted or moved to another namespace at that time.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DEVICE_REMOVED",
    title="Device was removed under way",
    severity=Severity.MINOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The network was being reconfigured while the packet was under way.",
    operator_meaning=(
        "The device vanished: its routes now point to the blackhole device, or its backlog was "
        "flushed."
    ),
    remedy=Remedy(
        text="Nothing, if the change was meant; see who deletes devices otherwise.",
        command="ip netns exec {netns} ip link show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether its device was going away."""
    return was_dropped(loss) and function(loss) in {
        "blackhole_netdev_xmit",
        "blackhole_neigh_output",
        "flush_backlog",
    }
