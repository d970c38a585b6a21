"""The frame's source MAC address is impossible, reserved, or belongs to another place.

The source is a multicast address or the receiving device's own, the frame is of a kind that is
never forwarded, or the address is pinned to another port or VTEP and may not move.

How it is proven: the kernel's drop reasons MAC_INVALID_SOURCE, LOCAL_MAC, MAC_IEEE_MAC_CONTROL
and VXLAN_ENTRY_EXISTS (VXLAN_INVALID_SMAC on older kernels).

What to check: whether two machines have the same MAC address (copied VMs do), and static
forwarding entries left from before a VM moved.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MAC_REFUSED",
    title="Source MAC address refused",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The sender's network card has an address that the network refuses.",
    operator_meaning="Source MAC invalid, local, reserved or pinned elsewhere.",
    remedy=Remedy(
        text="See what the forwarding table says of the sender's MAC address.",
        command="ip netns exec {netns} bridge fdb show",
    ),
    drop_reasons=(
        "MAC_INVALID_SOURCE",
        "LOCAL_MAC",
        "MAC_IEEE_MAC_CONTROL",
        "VXLAN_ENTRY_EXISTS",
        "VXLAN_INVALID_SMAC",
    ),
)
