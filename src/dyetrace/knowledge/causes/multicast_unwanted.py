"""A copy of a multicast packet came to a place where nobody wants it.

Multicast is often flooded to every port. Whoever has not joined the group drops the copy. That
is no loss by itself.

How it is proven: the kernel freed the packet in ip6_mc_input or ip_mr_input without a reason.

What to check: only if a receiver misses the packets: whether it joined the group, and whether
snooping on the bridge knows.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MULTICAST_UNWANTED",
    title="Multicast that nobody here joined",
    severity=Severity.INFO,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning=(
        "A copy of a multicast packet was dropped where nobody listens: that is normal."
    ),
    operator_meaning="No listener and no multicast route for the group here.",
    remedy=Remedy(
        text="Nothing, unless a receiver misses them: then see whether it joined the group.",
        command="ip netns exec {netns} ip maddress show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it was freed as a multicast packet without listeners."""
    return loss.five_tuple.dst.is_multicast and was_freed_in(loss, "ip6_mc_input", "ip_mr_input")
