"""The flow sends the packet out by a port, and the port refuses it.

The packet is longer than the port's device allows, or the device is not up.

How it is proven: no reason, freed in ovs_vport_send or do_output.

What to check: state and MTU of the port's device.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_PORT_REFUSED",
    title="Virtual switch's port does not take the packet",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="A port of the virtual switch does not take the packet.",
    operator_meaning=(
        "ovs_vport_send: longer than the port's MTU, port not up, or no such device type."
    ),
    remedy=Remedy(
        text="Compare the port's MTU and state with the packets.",
        command="ovs-appctl dpctl/show -s",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a port of OVS refused it."""
    return was_freed_in(
        loss, "ovs_vport_send", "do_output", "internal_dev_recv", "ovs_vport_receive"
    )
