"""With the tunnel's header around it, the tenant's packet no longer fits the underlay.

VXLAN takes 50 bytes (70 over IPv6), Geneve and SRv6 more. The overlay's MTU must be that much
smaller than the underlay's.

How it is proven: a drop for size (PKT_TOO_BIG, ip_fragment, ip6_fragment, or a peer of smaller
MTU) of a packet that has its outer header already.

What to check: the MTU of the tunnel device and that of every underlay device, switches
included.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_size_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="UNDERLAY_MTU_TOO_SMALL",
    title="Encapsulated packet larger than the underlay's MTU",
    severity=Severity.MAJOR,
    layer=Layer.UNDERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="Large packets do not fit through the provider's network: small ones pass.",
    operator_meaning="With its outer header the packet exceeds the MTU of an underlay device.",
    remedy=Remedy(
        text="Raise the MTU of {device} and of the underlay, or lower that of the overlay.",
        command="ip netns exec {netns} ip link show dev {device}",
    ),
)

FALLBACK = "ip netns exec {netns} ip link show"


def explains(loss: Loss) -> bool:
    """Whether an encapsulated packet was freed for its size."""
    return loss.outer is not None and is_size_drop(loss)
