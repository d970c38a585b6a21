"""The packet left one VFD and never came in at the next, on the same host.

Two VFDs of a host are joined by a pair of devices. Between the one's EGRESS and the other's
INGRESS lie a queue, filters of other programs on the same hooks, and the pair itself.

How it is proven: inferred: an EGRESS record at one VFD's port, no INGRESS record at its peer,
no drop seen, and the host's agent alive with no records lost.

What to check: the state and the counters of both devices, XDP or tc programs attached to them,
and whether the peer still is in the namespace you expect.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="LINK_LOSS",
    title="Lost between two VFDs of one host",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The packet was lost on a virtual cable inside a host.",
    operator_meaning="Left one VFD's port, never arrived at its peer.",
    remedy=Remedy(
        text="Look at the drop counters of {port} and its peer.",
        command="ip netns exec {netns} ip -s -details link show dev {port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -s link show"


def explains(loss: Loss) -> bool:
    """Whether it vanished between two VFDs of a host."""
    return loss.place is Place.BETWEEN_VFDS
