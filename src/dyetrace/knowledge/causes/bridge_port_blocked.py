"""The bridge has both ports, but one of them may not forward, or not to the other.

A port's state is not forwarding (spanning tree, or set by hand), both ports are isolated from
each other, the port is locked and does not know the sender, or the destination is known at the
very port the packet came from.

How it is proven: the kernel's drop reason BRIDGE_INGRESS_STP_STATE for the port it came in by;
for the port it should leave by, isolation and locks, no reason from br_handle_frame_finish
(Linux 6.18). The agent reads the ports' states.

What to check: the ports' state, isolation and lock, and the forwarding table for the
destination's MAC address.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BRIDGE_PORT_BLOCKED",
    title="Bridge port may not forward",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual switch does not pass packets between these two ports.",
    operator_meaning=("Bridge port state, isolation, lock or a forwarding entry that points back."),
    remedy=Remedy(
        text="Look at the states of the bridge's ports, then at its forwarding table.",
        command="ip netns exec {netns} bridge -details link show",
    ),
    drop_reasons=("BRIDGE_INGRESS_STP_STATE",),
)


def explains(loss: Loss) -> bool:
    """Whether the bridge freed it without a reason."""
    return was_freed_in(
        loss, "br_handle_frame_finish", "br_handle_frame", "br_forward", "__br_forward"
    )
