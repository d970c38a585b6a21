"""TCP at the receiver took the segment for one that is out of place.

Sequence numbers lie outside of the window, or flags make no sense. Two connections that share
ports behind one address (translation that reuses ports too early) look like that, as do
middleboxes that change numbers on one side only.

How it is proven: the kernel's drop reasons TCP_INVALID_SEQUENCE and TCP_FLAGS.

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
    operator_meaning="TCP sequence or flag validation failed.",
    remedy=Remedy(
        text="Compare the numbers of both ends; look for translation that reuses ports.",
        command="ip netns exec {netns} nstat -az",
    ),
    drop_reasons=("TCP_FLAGS", "TCP_INVALID_SEQUENCE"),
)
