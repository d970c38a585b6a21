"""The packet left one host by its uplink and never came in at the next.

What lies between belongs to the underlay: cables, physical switches, their queues and routes,
the cards' own drops before the kernel sees a packet. No VFD there speaks to dyetrace.

How it is proven: inferred: an EGRESS record at the uplink of one host, no INGRESS record at the
host that the outer header names, and both hosts' agents alive with no records lost.

What to check: the cards' error counters on both hosts (ethtool -S), MTU of the underlay for
full-sized packets, the physical switches on the way, and filters for the tunnel's port.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="UNDERLAY_LOSS",
    title="Lost between two hosts",
    severity=Severity.CRITICAL,
    layer=Layer.UNDERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The packet was lost in the provider's physical network.",
    operator_meaning="Left the uplink of its host, never arrived at the next VTEP.",
    remedy=Remedy(
        text="Test the underlay from {host} towards {outer_dst}, with full-sized packets.",
        command="ip netns exec {netns} ping -c 20 -i 0.2 -M do -s 1400 {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -s link show"


def explains(loss: Loss) -> bool:
    """Whether it vanished between hosts."""
    return loss.place is Place.BETWEEN_HOSTS
