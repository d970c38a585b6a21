"""The packet does not fit the next device, and may not be cut into pieces.

The device the packet has to leave by has a smaller MTU than the packet. IPv6 packets and IPv4
packets with "don't fragment" are dropped, and the sender is told to send smaller ones. If that
message gets lost, short packets pass and long ones never do: connections open and then hang.
Encapsulation takes its bytes from the MTU as well.

How it is proven: the kernel's drop reason PKT_TOO_BIG (ip_forward, ip6_forward); or no reason,
freed in ip_fragment or ip6_fragment, or on the way into a peer device that is up
(__dev_forward_skb2), as Linux 6.18 shows for a veth whose other end has a smaller MTU.

What to check: the MTU of every device on the path, and that ICMP "fragmentation needed" and
ICMPv6 "packet too big" are not filtered on the way back.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_size_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="PACKET_TOO_BIG",
    title="Larger than the MTU",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "Large packets do not fit through the network: small ones pass, large ones are lost."
    ),
    operator_meaning="The packet exceeds the egress MTU and must not be fragmented.",
    remedy=Remedy(
        text=(
            "Give {device} the MTU of the rest of the path, or have the senders use a smaller one."
        ),
        command="ip netns exec {netns} ip link show dev {device}",
    ),
    drop_reasons=("PKT_TOO_BIG",),
)

FALLBACK = "ip netns exec {netns} ip link show"


def explains(loss: Loss) -> bool:
    """Whether it was freed for its size."""
    return is_size_drop(loss)
