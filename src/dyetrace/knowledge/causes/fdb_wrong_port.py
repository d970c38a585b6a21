"""The forwarding table has the destination's MAC address at the very port the frame came in by.

A bridge does not send a frame back. The entry was learned from a looped or mirrored frame,
belongs to a VM that has moved, or was written wrongly.

How it is proven: inferred: the bridge freed the packet without a reason, and the agent read all
other things that make it do so (states, locks, isolation) as in order. Where VLAN filtering is
on, that can be it as well.

What to check: the entry of the destination's MAC address, and whether the port needs hairpin
mode.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_bridge_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FDB_WRONG_PORT",
    title="Switch would send the frame back where it came from",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network believes the receiver to be on the sender's side.",
    operator_meaning=(
        "The forwarding entry of the destination MAC points to the ingress port, without hairpin."
    ),
    remedy=Remedy(
        text="Delete the entry of the destination's MAC address if it points to the wrong port.",
        command="ip netns exec {netns} bridge fdb show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a bridge freed it though its ports are in order."""
    return (
        is_bridge_drop(loss)
        and len(loss.site.bridge_ports) > 1
        and all(port.may_forward for port in loss.site.bridge_ports)
    )
