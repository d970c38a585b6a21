"""The SRv6 packet came to the host that its SID leads to, but the SID is not set up there.

The SID's prefix is routed to this host, yet no local segment (End.DX4, End.DT6, ...) has that
very address. The host treats the packet as somebody else's.

How it is proven: an SRv6-encapsulated packet was dropped as not local and not to be forwarded:
IP_INADDRERRORS in ip6_forward.

What to check: the host's local segments against the SID that the sender uses; after a VM has
moved, the sender may use the old host's.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.packet import Encapsulation

CAUSE = Cause(
    code="SID_UNKNOWN",
    title="Unknown segment (SID)",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host does not know your network.",
    operator_meaning="No seg6local route for the active SID on this node.",
    remedy=Remedy(
        text="Set up the SID {outer_dst} on host {host}, or correct it at the sender.",
        command="ip netns exec {netns} ip -6 route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -6 route show table all"


def explains(loss: Loss) -> bool:
    """Whether an SRv6 packet was refused as being for somebody else."""
    return (
        loss.drop_reason == "IP_INADDRERRORS"
        and loss.outer is not None
        and loss.outer.encapsulation is Encapsulation.SRV6
    )
