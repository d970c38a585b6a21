"""TCP at the receiver took the segment for forged, stale or out of place.

Sequence or acknowledgement numbers lie outside of the window, flags make no sense, or the
timestamp is too old. Two connections that share ports behind one address (translation that
reuses ports too early) look like that, as do middleboxes that change numbers on one side only.

How it is proven: the kernel's drop reasons for TCP checks: TCP_INVALID_SEQUENCE,
TCP_RFC7323_PAWS, TCP_RESET and their like.

What to check: whether address translation in between reuses ports quickly, and whether a
middlebox sees only one direction.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_SEGMENT_REFUSED",
    title="Refused by TCP",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiver took the packet for part of another connection.",
    operator_meaning="TCP sequence, acknowledgement, flag or timestamp validation failed.",
    remedy=Remedy(
        text="Compare the numbers of both ends; look for translation that reuses ports.",
        command="ip netns exec {netns} nstat -az",
    ),
    drop_reasons=(
        "TCP_FLAGS",
        "TCP_OVERWINDOW",
        "TCP_RFC7323_PAWS",
        "TCP_RFC7323_PAWS_ACK",
        "TCP_RFC7323_TW_PAWS",
        "TCP_RFC7323_TSECR",
        "TCP_INVALID_SEQUENCE",
        "TCP_INVALID_END_SEQUENCE",
        "TCP_INVALID_ACK_SEQUENCE",
        "TCP_RESET",
        "TCP_INVALID_SYN",
        "TCP_FASTOPEN",
        "TCP_TOO_OLD_ACK",
        "TCP_ACK_UNSENT_DATA",
    ),
)
