"""Both bridge ports are isolated, and isolated ports do not speak to each other.

Private networks use this so that their members only reach the gateway.

How it is proven: no reason, freed by the bridge, with two isolated ports read by the agent:
both on the packet's way, or its port of entry and others of the bridge, where it is not known
which of them it was bound for.

What to check: whether the two are meant to reach each other, and by the router if not directly.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_bridge_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BRIDGE_PORT_ISOLATED",
    title="Bridge ports isolated from each other",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual switch does not pass packets between these two ports on purpose.",
    operator_meaning=(
        "Both ports have the isolated flag: they may speak to others, not to each other."
    ),
    remedy=Remedy(
        text="Take the isolation from one of the two ports, if they may speak.",
        command="ip netns exec {netns} bridge -details link show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a bridge freed it, with two isolated ports."""
    on_its_way = sum(port.is_isolated for port in loss.site.bridge_ports)
    beside = sum(port.is_isolated for port in loss.site.closed_ports)
    return is_bridge_drop(loss) and on_its_way > 0 and on_its_way + beside > 1
