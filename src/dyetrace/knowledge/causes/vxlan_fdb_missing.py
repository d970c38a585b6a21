"""The VXLAN device was not told behind which VTEP the destination's MAC address is.

With learning off, the controller writes each address. After a VM was created or has moved, the
entry may be missing or late.

How it is proven: the kernel's drop reason NO_TX_TARGET freed in vxlan_xmit or vxlan_mdb_xmit,
or VXLAN_NO_REMOTE on older kernels.

What to check: the VXLAN device's forwarding table for the destination's MAC address, and the
controller that should have written it.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VXLAN_FDB_MISSING",
    title="Tunnel knows no host for the MAC address",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The network does not know on which host the receiver is.",
    operator_meaning=(
        "The VXLAN device has no forwarding entry for the destination MAC, and no default remote."
    ),
    remedy=Remedy(
        text="Write the destination's MAC address with its VTEP, or a default remote, to {port}.",
        command="ip netns exec {netns} bridge fdb show dev {port}",
    ),
    drop_reasons=("VXLAN_NO_REMOTE",),
)

FALLBACK = "ip netns exec {netns} bridge fdb show"


def explains(loss: Loss) -> bool:
    """Whether a VXLAN device knew no remote."""
    return was_said(loss, "NO_TX_TARGET", "vxlan_xmit", "vxlan_mdb_xmit", "vxlan_xmit_one")
