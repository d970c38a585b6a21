"""An ARP or neighbour discovery message was refused as invalid or as somebody else's.

Neighbour discovery must come from the same link, whole, and with valid options; a proxied
request must not return to where it came from. Anything else is dropped to keep entries from
being forged.

How it is proven: the kernel's drop reasons that begin with IPV6_NDISC_, and ARP_PVLAN_DISABLE.

What to check: who sends these messages, and whether a router forwards them by mistake.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NEIGHBOUR_MESSAGE_REFUSED",
    title="Neighbour discovery message refused",
    severity=Severity.MINOR,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A message for finding machines on the network was refused.",
    operator_meaning="Neighbour discovery validation failed.",
    remedy=Remedy(
        text="Look at the messages and who sends them.",
        command="ip netns exec {netns} tcpdump -c 10 -vv -n icmp6 or arp",
    ),
    drop_reasons=(
        "IPV6_NDISC_FRAG",
        "IPV6_NDISC_HOP_LIMIT",
        "IPV6_NDISC_BAD_CODE",
        "IPV6_NDISC_BAD_OPTIONS",
        "IPV6_NDISC_NS_OTHERHOST",
        "ARP_PVLAN_DISABLE",
    ),
)
