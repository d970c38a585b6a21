"""The bridge port takes frames only from MAC addresses that were entered for it.

Locked ports wait for an authentication daemon, or a controller, to enter the address.

How it is proven: no reason, freed by the bridge, with a locked port read by the agent.

What to check: whether the sender's MAC address is entered on the port, and is the one it sends
with.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_bridge_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BRIDGE_PORT_LOCKED",
    title="Bridge port locked",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A port of a virtual switch only lets known network cards in.",
    operator_meaning=(
        "The port is locked and the source MAC has no forwarding entry on it (802.1X, MAB)."
    ),
    remedy=Remedy(
        text="Enter the sender's MAC address on the port, or unlock it.",
        command="ip netns exec {netns} bridge -details fdb show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a bridge freed it, with a locked port."""
    return is_bridge_drop(loss) and any(port.is_locked for port in loss.site.bridge_ports)
