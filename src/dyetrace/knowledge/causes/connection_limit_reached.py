"""A rule allows only so many connections at a time, and there are that many.

Such rules protect services from being held by one client. Behind address translation, many
clients look like one.

How it is proven: the rule that dropped it counts connections (`ct count over`, connlimit).

What to check: who holds the connections, and whether several clients share the address that is
counted.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="CONNECTION_LIMIT_REACHED",
    title="More connections than a rule allows",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="You have more connections open than the network allows you.",
    operator_meaning="A rule that counts connections (ct count, connlimit) dropped the packet.",
    remedy=Remedy(
        text="Raise the rule's limit, or close connections from {src}.",
        command="ip netns exec {netns} conntrack -L --src {src}",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule counts connections."""
    return rule_says(loss, "ct count", "connlimit")
