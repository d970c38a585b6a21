"""Source address translation has no free port left for another connection to this destination.

All connections to one destination address and port share the ports of the translated address.
When they are used up, the packet that would open the next one is dropped; old connections go
on.

How it is proven: the rule that dropped it is one that translates (`masquerade` or `snat`): such
a rule drops only when no tuple is free.

What to check: how many connections there are to this destination, how long idle ones are kept,
and whether there are more addresses to translate to.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SNAT_PORTS_EXHAUSTED",
    title="No port left for address translation",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The network has no port left for your connection to the outside.",
    operator_meaning=(
        "Source translation found no unused port for the connection and dropped its packet."
    ),
    remedy=Remedy(
        text="Translate to more addresses, or shorten the timeouts of idle connections.",
        command="ip netns exec {netns} conntrack -C",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule that dropped it translates source addresses."""
    return rule_says(loss, "masquerade", "snat", "MASQUERADE", "SNAT")
