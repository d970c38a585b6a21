"""The receiver takes no such ICMP message.

Pings to a broadcast address are ignored by default, unknown types always.

How it is proven: the kernel's drop reason INVALID_PROTO (or none), freed in icmp_rcv or
icmpv6_rcv.

What to check: the message's type; icmp_echo_ignore_broadcasts, if a broadcast should be
answered.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import UNSAID, function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="ICMP_REFUSED",
    title="Refused as an ICMP message",
    severity=Severity.MINOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiver does not answer this kind of ping or message.",
    operator_meaning=(
        "icmp_rcv refused it: echo to broadcast, unknown type, or a message meant for nobody."
    ),
    remedy=Remedy(
        text="Send to a machine's own address.",
        command="ip netns exec {netns} sysctl net.ipv4.icmp_echo_ignore_broadcasts",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether ICMP itself refused it."""
    return (
        was_dropped(loss)
        and function(loss) in {"icmp_rcv", "icmpv6_rcv"}
        and loss.drop_reason in UNSAID | {"INVALID_PROTO"}
    )
