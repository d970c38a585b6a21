"""The packet had to be cut into fragments, was allowed to be, and the cutting failed.

A packet that must not be cut is another matter (PACKET_TOO_BIG). Here it is memory, or headers
that do not fit.

How it is proven: no reason, freed in ip_do_fragment.

What to check: the counter IpFragFails, free memory, and why packets are larger than the MTU at
all.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FRAGMENTATION_FAILED",
    title="Could not be cut into fragments",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="Large packets are lost on the way because they cannot be cut into pieces.",
    operator_meaning="IP fragmentation failed: memory, or a header that cannot be copied.",
    remedy=Remedy(
        text="Make fragments unnecessary: give both ends the MTU of the path.",
        command="ip netns exec {netns} nstat -az IpFragFails Ip6FragFails",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it was freed while being cut."""
    return was_freed_in(loss, "ip_do_fragment", "eafnosupport_ipv6_fragment")
