"""The bridge has both ports, but one of them may not forward, or not to the other.

A port's state, a lock, isolation, a VLAN filter, or a forwarding entry that points back: what it
was could not be told, because the ports' settings could not be read or have changed since.

How it is proven: no reason, freed by the bridge (br_handle_frame_finish on Linux 6.18), and nothing
that the agent read says more.

What to check: the ports' state, isolation and lock, and the forwarding table for the
destination's MAC address.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_bridge_drop
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
)


def explains(loss: Loss) -> bool:
    """Whether the bridge freed it without a reason."""
    return is_bridge_drop(loss)
