"""The packet is for a load balancer's address that has nobody to hand it to.

A cluster answers for a service by rules. As long as no backend is ready, the rule refuses
whatever comes.

How it is proven: the rule that dropped it says so in its comment or chain, as kube-proxy's do:
"has no endpoints".

What to check: whether the backends run, and whether they pass their health checks.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="LOAD_BALANCER_NO_BACKEND",
    title="Service without a backend",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="The service exists, but nothing is behind it at the moment.",
    operator_meaning="The service's address is known, and its list of endpoints is empty.",
    remedy=Remedy(
        text="Start a backend for {dst}, or see why none of them is ready.",
        command="ip netns exec {netns} nft -a list ruleset",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule says that nobody is behind the service."""
    return rule_says(loss, "no endpoints", "no-endpoint", "no backend")
