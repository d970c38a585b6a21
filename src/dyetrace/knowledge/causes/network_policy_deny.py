"""A policy of the container network forbids the traffic.

Network plug-ins turn policies into chains of their own. Editing these chains does not help: the
plug-in writes them again.

How it is proven: the rule that dropped it stands in a chain of a plug-in, known by its name
(cali-, KUBE-NWPLCY, KUBE-POD-FW, kube-router).

What to check: the policies that select the pods of both ends, in both directions.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_netfilter_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CHAINS = ("cali-", "KUBE-NWPLCY", "KUBE-POD-FW", "kube-router")

CAUSE = Cause(
    code="NETWORK_POLICY_DENY",
    title="Denied by a container network policy",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="A network policy of your cluster does not let this traffic pass.",
    operator_meaning="A chain written by the container network's plug-in dropped the packet.",
    remedy=Remedy(
        text="Allow the traffic in a policy that selects the pod at {dst}.",
        command="kubectl get networkpolicies --all-namespaces",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a plug-in's chain dropped it."""
    return (
        is_netfilter_drop(loss)
        and (rule := loss.site.culprit_rule) is not None
        and rule.chain.startswith(CHAINS)
    )
