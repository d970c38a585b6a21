"""A copy of the packet, made for a capturing program, could not be delivered to it.

Capturing programs get copies. When their buffer is full the copy is dropped; the packet itself
goes on.

How it is proven: the kernel's drop reason PACKET_SOCK_ERROR.

What to check: nothing, unless the capture matters: then give it a larger buffer.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SNIFFER_COPY_LOST",
    title="Copy for a capture was lost",
    severity=Severity.INFO,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="Only a copy for a capture was lost: your packet went on.",
    operator_meaning="AF_PACKET delivery failed.",
    remedy=Remedy(
        text="Nothing; for the capture's sake, give it a larger buffer.",
        command="ip netns exec {netns} ss -0 -a -n -p",
    ),
    drop_reasons=("PACKET_SOCK_ERROR",),
)
