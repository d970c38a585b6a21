"""The packet is longer than the user-space switch's port takes.

The port's MTU is set in the switch's database, apart from the VM's. The present drivers do not
observe this: it is here for the driver of this data plane.

How it is proven: the port's counters ovs_tx_mtu_exceeded_drops, which the driver reports as
drop reasons of these names.

What to check: the ports' mtu against that of the VMs.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_MTU_EXCEEDED",
    title="Larger than the user-space port's MTU",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "Large packets do not fit through the network: small ones pass, large ones are lost."
    ),
    operator_meaning="The packet is longer than the DPDK port's mtu_request.",
    remedy=Remedy(
        text="Raise mtu_request of {port}.",
        command="ovs-vsctl get interface {port} mtu mtu_request",
    ),
    drop_reasons=("OVS_TX_MTU_EXCEEDED_DROPS",),
)

FALLBACK = "ovs-vsctl --columns=name,mtu,mtu_request list interface"
