"""The encrypted packet came inside of UDP, and what was inside is no valid ESP packet.

Behind address translation, ESP is carried by UDP port 4500. Both ends must have noticed the
translation, and use the same form.

How it is proven: no reason, freed in xfrm4_udp_encap_rcv or xfrm6_udp_encap_rcv.

What to check: whether both ends use NAT traversal, and whether something else sends to port
4500.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPSEC_NAT_TRAVERSAL_REFUSED",
    title="Encrypted packet in UDP refused",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The encrypted tunnel through address translation does not work.",
    operator_meaning="ESP in UDP: too short, or not what the socket was set up for.",
    remedy=Remedy(
        text="Compare the encapsulation of the states of both ends.",
        command="ip netns exec {netns} ip xfrm state list",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether ESP in UDP was refused."""
    return was_freed_in(
        loss,
        "xfrm4_udp_encap_rcv",
        "xfrm6_udp_encap_rcv",
        "xfrm4_rcv_encap",
        "xfrm6_rcv_encap",
        "xfrm4_rcv_encap_finish",
    )
