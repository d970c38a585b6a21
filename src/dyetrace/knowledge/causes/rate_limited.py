"""A packet filter's rule allows less than was sent.

Rules may match only what is above a rate, and drop that. They protect services from floods, and
hit whoever sends in bursts.

How it is proven: the rule that dropped it limits a rate (`limit rate over`, hashlimit).

What to check: the rule's rate and burst, and who should be under it.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="RATE_LIMITED",
    title="Above a rule's rate",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="You send more than the rate that was agreed for you.",
    operator_meaning="A netfilter rule that matches above a rate dropped the packet.",
    remedy=Remedy(
        text="Raise the rule's rate or burst, or have less sent.",
        command="ip netns exec {netns} nft -a list ruleset",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule that dropped it limits a rate."""
    return rule_says(loss, "limit rate over", "hashlimit")
