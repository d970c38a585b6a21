"""The packet's headers contradict each other or are cut short.

A length does not add up, a header ends too early, a field has a forbidden value. Either the
sender builds packets wrongly or something on the way damages them.

How it is proven: the kernel's drop reasons PKT_TOO_SMALL, HDR_TRUNC, IP_INHDR, INVALID_PROTO
and IPV6_BAD_EXTHDR.

What to check: whether packets of other senders arrive intact; if they do not, look for offloads
(segmentation, checksum) that two devices understand differently.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="PACKET_MALFORMED",
    title="Malformed packet",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.TENANT,
    tenant_meaning="The packet is damaged or was built wrongly by its sender.",
    operator_meaning="Header validation failed.",
    remedy=Remedy(
        text="Look at the packets as they leave the sender and as they arrive here.",
        command="ip netns exec {netns} tcpdump -c 10 -vv -n host {src} and host {dst}",
    ),
    drop_reasons=(
        "PKT_TOO_SMALL",
        "HDR_TRUNC",
        "IP_INHDR",
        "INVALID_PROTO",
        "IPV6_BAD_EXTHDR",
    ),
)
