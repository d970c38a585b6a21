"""The segment's data begins or ends beyond what the receiver has room for.

A sender that ignores the window, or a device that strips window scaling from the handshake, so
that both sides understand the window differently.

How it is proven: the kernel's drop reasons TCP_OVERWINDOW and TCP_INVALID_END_SEQUENCE.

What to check: the window scale options of both SYNs, at both ends.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_WINDOW_EXCEEDED",
    title="Beyond the receiver's window",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The sender sends more than the receiver allows.",
    operator_meaning="The segment lies or ends beyond the receive window.",
    remedy=Remedy(
        text="Look for what changes TCP options on the way.",
        command="ip netns exec {netns} ss -tin",
    ),
    drop_reasons=(
        "TCP_OVERWINDOW",
        "TCP_INVALID_END_SEQUENCE",
    ),
)
