"""The frame's source MAC address is impossible, or the frame's kind is never forwarded.

The source is a multicast address, or the frame is of a kind that is never forwarded.

How it is proven: the kernel's drop reasons MAC_INVALID_SOURCE and MAC_IEEE_MAC_CONTROL
(VXLAN_INVALID_SMAC on older kernels).

What to check: what address the sender's card was given, and what sends control frames.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MAC_REFUSED",
    title="Source MAC address refused",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The sender's network card has an address that the network refuses.",
    operator_meaning="Source MAC is multicast or zero, or the frame is a MAC control frame.",
    remedy=Remedy(
        text="See what the forwarding table says of the sender's MAC address.",
        command="ip netns exec {netns} bridge fdb show",
    ),
    drop_reasons=(
        "MAC_INVALID_SOURCE",
        "MAC_IEEE_MAC_CONTROL",
        "VXLAN_INVALID_SMAC",
    ),
)
