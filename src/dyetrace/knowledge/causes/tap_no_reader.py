"""The tap device has nobody at its other end.

The VM was stopped, its process died, or it opened fewer queues than the device has.

How it is proven: the kernel's drop reason DEV_READY, freed in tun_net_xmit or tap_handle_frame.

What to check: whether the VM's process runs and holds the tap open.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_said
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TAP_NO_READER",
    title="Nobody reads the tap",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The VM's network card is not connected: the VM does not run, or has not opened it."
    ),
    operator_meaning="The tap device is up, and no process has its queue open.",
    remedy=Remedy(
        text="Start the VM of {port}, or see why it does not open its network card.",
        command="ip netns exec {netns} ip -details link show dev {port}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -details link show type tun"


def explains(loss: Loss) -> bool:
    """Whether the tap had no reader."""
    return was_said(loss, "DEV_READY", "tun_net_xmit", "tap_handle_frame", "macvtap_newlink")
