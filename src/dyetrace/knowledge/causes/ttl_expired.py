"""The packet has crossed as many routers as its sender allowed, or runs in circles.

Each router lowers the TTL (IPv6: hop limit) by one and drops the packet at zero. A routing loop
does that to every packet; so does a sender that starts with a very small TTL, as traceroute
does on purpose.

How it is proven: the kernel's drop reason IP_INHDR, freed in ip_forward or ip6_forward, for a
packet whose TTL was 1 or 0; OVS says OVS_DROP_IP_TTL. The path shows whether the same VFD was
passed more than once.

What to check: the path's table: a VFD that appears twice is part of a loop. Otherwise look at
the sender's TTL.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_ttl_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TTL_EXPIRED",
    title="Time to live used up",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The packet ran out of hops: it goes in circles, or was sent with too small a TTL."
    ),
    operator_meaning="TTL or hop limit reached zero at this VFD.",
    remedy=Remedy(
        text=(
            "If the path repeats, correct the routes that send it in circles; else raise the "
            "sender's TTL."
        ),
        command="ip netns exec {netns} ip route get {dst} from {src} iif {in_port}",
    ),
    drop_reasons=("OVS_DROP_IP_TTL",),
)

FALLBACK = "ip netns exec {netns} ip route get {dst}"


def explains(loss: Loss) -> bool:
    """Whether a forwarding function dropped it at its last hop."""
    return is_ttl_drop(loss)
