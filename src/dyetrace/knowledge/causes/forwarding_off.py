"""The packet is for somebody else, and this VFD does not forward.

A namespace or host forwards packets only if told to. Without, it drops whatever is not for
itself. A restart that lost its sysctl settings is the usual way to get there; for IPv6, the
setting of the device counts as well.

How it is proven: the kernel's drop reason IP_INADDRERRORS (freed in ip_error for IPv4, in
ip6_forward for IPv6), and forwarding read as 0 by the agent.

What to check: that the VFD is meant to route. If not, ask why the packet got there: a wrong
next hop or a proxied neighbour.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_route_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FORWARDING_OFF",
    title="Forwarding is switched off",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A router of the network has forwarding switched off.",
    operator_meaning="The packet is not local and ip_forward, or IPv6 forwarding, is off here.",
    remedy=Remedy(
        text="Switch forwarding on for {family} at {vfd}.",
        command="ip netns exec {netns} sysctl -w net.{family}.conf.all.forwarding=1",
    ),
    drop_reasons=("IP_INADDRERRORS",),
)


def explains(loss: Loss) -> bool:
    """Whether a route look-up failed where forwarding is read as off."""
    return loss.site.forwarding is False and is_route_drop(loss)
