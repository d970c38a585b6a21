"""The packet was sent to a tunnel's end that no host of the cloud is.

The forwarding entry of the receiver's MAC address, or the default entry, names a VTEP that none
of the known hosts has: the receiver has moved, its host has got another address, or the entry
was written wrongly. The underlay takes the packet and loses it.

How it is proven: inferred: the packet left its host with an outer destination that no known
host has, and the receiver's host, which has an agent, never saw it come in.

What to check: the entry of the destination's MAC address on the tunnel device, and what the
cloud's controller believes the receiver's host to be.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.packet import Encapsulation

CAUSE = Cause(
    code="VTEP_UNKNOWN",
    title="Sent to a tunnel's end that no host is",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's network sends your packets to a host that does not exist.",
    operator_meaning=(
        "The forwarding entry of the tunnel device names an outer destination that no host has."
    ),
    remedy=Remedy(
        text="Correct the entries that lead to {outer_dst} on host {host}.",
        command="ip netns exec {netns} bridge fdb show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it left a host for a VTEP that is nobody's; SIDs are not known by host."""
    return (
        loss.place is Place.BETWEEN_HOSTS
        and loss.outer is not None
        and loss.outer.encapsulation is not Encapsulation.SRV6
        and not loss.next_host
    )
