"""A multicast router asked its daemon for a route, and too many packets wait for the answer.

The kernel keeps a few packets for each unknown source and group while it asks the daemon.

How it is proven: no reason, freed in ipmr_cache_unresolved or ip6mr_cache_unresolved, or when
the wait was given up.

What to check: whether the multicast routing daemon runs and knows the group.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MULTICAST_ROUTE_UNRESOLVED",
    title="Multicast without a route yet",
    severity=Severity.MINOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network does not know yet where to send this multicast.",
    operator_meaning="The multicast route was not resolved by the routing daemon in time.",
    remedy=Remedy(
        text="See whether the daemon runs and has a route for {dst}.",
        command="ip netns exec {netns} ip mroute show table all",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it waited for a multicast route."""
    return was_freed_in(
        loss,
        "ipmr_cache_unresolved",
        "ip6mr_cache_unresolved",
        "ipmr_destroy_unres",
        "ip6mr_destroy_unres",
    )
