"""The SID hands packets to a tenant's VRF, and that VRF does not exist here.

The SID names a route table; the kernel looks for the VRF device with it. That needs
net.vrf.strict_mode=1 and the device.

How it is proven: no reason, freed in end_dt_vrf_core.

What to check: the VRF devices and their tables, and net.vrf.strict_mode.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SRV6_VRF_MISSING",
    title="Led by its SID to a VRF that is not there",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="Your network is not set up on the receiving host.",
    operator_meaning=(
        "End.DT4/DT6/DT46: the VRF of the SID's table has no device, or strict mode is off."
    ),
    remedy=Remedy(
        text="Create the VRF device of the SID's table on host {host}.",
        command="ip netns exec {netns} ip -details link show type vrf",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the SID's VRF was not found."""
    return was_freed_in(loss, "end_dt_vrf_core", "end_dt_vrf_rcv")
