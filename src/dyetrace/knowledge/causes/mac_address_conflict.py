"""A device received a frame from its own MAC address.

A VM was copied with its address, or a loop brings back what the device sent.

How it is proven: the kernel's drop reason LOCAL_MAC.

What to check: who else has the address; whether the device's own frames come back to it.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MAC_ADDRESS_CONFLICT",
    title="Sender has the receiver's own MAC address",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.TENANT,
    tenant_meaning="Two network cards have the same address.",
    operator_meaning="The frame's source MAC is the receiving device's own: a copy or a loop.",
    remedy=Remedy(
        text="Give one of the two another MAC address, or break the loop.",
        command="ip netns exec {netns} bridge fdb show",
    ),
    drop_reasons=("LOCAL_MAC",),
)
