"""The tunnel's device exists on the receiving host, and is switched off.

Its UDP port closes with it, so the kernel may say that nobody listens; where another tunnel
device keeps the port open, that the VNI is unknown.

How it is proven: the kernel's drop reason DEV_READY in vxlan_rcv or its bypass; or NO_SOCKET or
VXLAN_VNI_NOT_FOUND for an encapsulated packet, where the agent found the device of that VNI
down.

What to check: who switched the device off.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import dead_tunnel, was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VXLAN_DEVICE_DOWN",
    title="Tunnel device switched off",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host is not connected to your network.",
    operator_meaning="The VXLAN or Geneve device that should decapsulate is administratively down.",
    remedy=Remedy(
        text="Switch {device} on.",
        command="ip netns exec {netns} ip link set dev {device} up",
    ),
)

FALLBACK = "ip netns exec {netns} ip -details link show type vxlan"


def explains(loss: Loss) -> bool:
    """Whether the device that should decapsulate is down."""
    if was_said(loss, "DEV_READY", "vxlan_rcv", "vxlan_encap_bypass", "geneve_rx"):
        return True
    return (
        loss.outer is not None
        and loss.drop_reason in {"NO_SOCKET", "VXLAN_VNI_NOT_FOUND"}
        and dead_tunnel(loss) is not None
    )
