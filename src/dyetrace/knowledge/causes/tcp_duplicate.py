"""The segment's data had arrived before: it was sent twice, and nothing is lost.

Retransmissions that turn out to be unnecessary, and acknowledgements overtaken by later ones,
are dropped at their destination.

How it is proven: the kernel's drop reasons TCP_OLD_DATA, TCP_OLD_SEQUENCE, TCP_OLD_ACK,
TCP_OFOMERGE and TCP_OFO_DROP.

What to check: only if there are many: then acknowledgements get lost or delayed on the way
back. Trace the other direction.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_DUPLICATE",
    title="Received before",
    severity=Severity.INFO,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The data had arrived already: nothing is lost.",
    operator_meaning="Duplicate segment or acknowledgement.",
    remedy=Remedy(
        text="Nothing. If there are many, trace the direction from {dst} to {src}.",
        command="dyetrace trace --src {dst} --dst {src}",
    ),
    drop_reasons=(
        "TCP_OLD_DATA",
        "TCP_OLD_SEQUENCE",
        "TCP_OLD_ACK",
        "TCP_OFOMERGE",
        "TCP_OFO_DROP",
    ),
)
