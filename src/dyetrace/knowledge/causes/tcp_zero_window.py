"""The receiver had said that it takes nothing more, and a segment came nevertheless.

Probes of a closed window end like this and are no loss. Data that does was sent before the news
arrived, and will be sent again.

How it is proven: the kernel's drop reason TCP_ZEROWINDOW.

What to check: why the program at the destination does not read.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TCP_ZERO_WINDOW",
    title="Receiver had closed its window",
    severity=Severity.MINOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning="The receiving program does not read, and the sender did not wait.",
    operator_meaning="Data arrived while the receive window was zero.",
    remedy=Remedy(
        text="See what the program at {dst} waits for.",
        command="ip netns exec {netns} ss -tamn",
    ),
    drop_reasons=("TCP_ZEROWINDOW",),
)
