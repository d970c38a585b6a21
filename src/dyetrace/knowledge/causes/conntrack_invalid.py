"""A stateful rule drops the packet because connection tracking cannot place it.

Connection tracking follows both directions. A packet whose connection it never saw begin, whose
numbers lie outside of the window, or that answers nothing is invalid. Asymmetric paths are the
usual reason: the VFD sees one direction only.

How it is proven: the rule that dropped it matches `ct state invalid`, by its trace or because
it is the only rule there that drops.

What to check: whether both directions pass this VFD; the counters of `conntrack -S`; whether
the VFD restarted while connections were open.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import rule_says
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="CONNTRACK_INVALID",
    title="Refused as no part of a connection",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A firewall saw only part of the connection, so it refuses the rest.",
    operator_meaning="A rule dropped the packet because conntrack holds it for invalid.",
    remedy=Remedy(
        text=(
            "Lead both directions through the same VFD, or take {src} out of connection tracking "
            "here."
        ),
        command="ip netns exec {netns} conntrack -S",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the rule is about invalid connection states."""
    return rule_says(loss, "ct state invalid", "ctstate INVALID")
