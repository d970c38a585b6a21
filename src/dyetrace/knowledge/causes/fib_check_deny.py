"""A filter rule looks up the route back to the sender, and it leads somewhere else.

This is the reverse path filter as a rule: firewalld and others set it for IPv6, where no sysctl
does it. Asymmetric paths look like forgery to it.

How it is proven: the rule that dropped it uses `fib saddr` or rpfilter.

What to check: the route back to the source; whether paths are asymmetric on purpose.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FIB_CHECK_DENY",
    title="Source refused by a route check in a rule",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The network takes the sender's address for forged, because answers to it would go "
        "another way."
    ),
    operator_meaning=(
        "A netfilter rule (fib, rpfilter) found no reverse route by the ingress device."
    ),
    remedy=Remedy(
        text="Repair the route back to {src}, or exempt asymmetric paths from the rule.",
        command="ip netns exec {netns} ip route get {src}",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule looks up the route back."""
    return rule_says(loss, "fib saddr", "rpfilter")
