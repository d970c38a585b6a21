"""One of the two bridge ports may not forward yet, or not any more.

Spanning tree keeps a new port closed for seconds and closes ports that would make a loop; a
state may also be set by hand.

How it is proven: the kernel's drop reason BRIDGE_INGRESS_STP_STATE for the port it came in by;
for the port it should leave by, no reason from the bridge and a state other than forwarding
read by the agent, at that port or, where it is not known which it was, at one that forwarding
entries lead to.

What to check: whether spanning tree is meant to run here, and which loop it sees.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_bridge_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BRIDGE_PORT_STP",
    title="Bridge port not in forwarding state",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual switch keeps one of its ports closed.",
    operator_meaning=(
        "The bridge port's spanning tree state is disabled, listening, learning or blocking."
    ),
    remedy=Remedy(
        text="Wait for the port, or set its state to forwarding if there can be no loop.",
        command="ip netns exec {netns} bridge -details link show",
    ),
    drop_reasons=("BRIDGE_INGRESS_STP_STATE",),
)


def explains(loss: Loss) -> bool:
    """Whether a bridge freed it, with a port that may not forward."""
    ports = (*loss.site.bridge_ports, *loss.site.closed_ports)
    return is_bridge_drop(loss) and any(port.state != "forwarding" for port in ports)
