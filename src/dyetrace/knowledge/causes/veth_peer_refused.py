"""The other end of a pair of devices refused the packet though both are up.

With XDP or GRO on the peer, packets pass a ring of fixed size; a busy receiver lets it run
full. A peer whose namespace is being deleted refuses too.

How it is proven: freed in veth_xmit (FULL_RING on newer kernels, no reason on others), with the
devices read as up.

What to check: the xdp counters of the peer (ethtool -S), and the CPU that polls it.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VETH_PEER_REFUSED",
    title="Virtual cable's other end took no packet",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual cable inside of a host does not take packets fast enough.",
    operator_meaning="veth_xmit: the peer's XDP/GRO ring is full, or the peer is gone.",
    remedy=Remedy(
        text="Look at the ring drops of {port}; spread the load, or take XDP off the peer.",
        command="ip netns exec {netns} ethtool -S {port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -s link show type veth"


def explains(loss: Loss) -> bool:
    """Whether a pair of devices refused it."""
    return (
        was_dropped(loss)
        and function(loss) in {"veth_xmit", "veth_forward_skb"}
        and loss.site.dead_link is None
    )
