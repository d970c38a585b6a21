"""A rule drops what is on a list, and one of the packet's addresses is.

Lists come from feeds of known attackers, from fail2ban and its like, or by hand. They outlive
their reason, and addresses change their owner.

How it is proven: the rule that dropped it looks an address up in a set (`saddr @...`, `daddr
@...`, match-set).

What to check: which element matches, who put it there, and when it expires.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DENYLIST_HIT",
    title="On a list of addresses that are kept out",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="An address of this traffic is on a list of those that the network keeps out.",
    operator_meaning="A rule dropped the packet because an address is an element of a set.",
    remedy=Remedy(
        text="Remove the address from the set if it no longer belongs there.",
        command="ip netns exec {netns} nft list sets",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule looks an address up in a set."""
    return rule_says(loss, "addr @", "match-set")
