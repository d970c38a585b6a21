"""The sender's vSwitch lets only the vNIC's own addresses out, and this packet has another.

Clouds bind each vNIC to its addresses. Virtual addresses that move between VMs, routers inside
of VMs and containers with addresses of their own need to be allowed.

How it is proven: at the sender's vSwitch, the rule that dropped it compares the source address
by `!=`.

What to check: the addresses of the vNIC, and its list of allowed address pairs.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ANTI_SPOOFING_DENY",
    title="Sender uses an address that is not its own",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="The sender uses an address that the network has not given to its network card.",
    operator_meaning="Port security at the sender's vSwitch: source MAC or IP is not the vNIC's.",
    remedy=Remedy(
        text="Send from the vNIC's own address, or add {src} to its allowed address pairs.",
        command="ip netns exec {netns} nft -a list ruleset",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a rule of the source compares the sender's address."""
    return loss.is_at_source and rule_says(loss, "saddr !=", "saddr ether !=")
