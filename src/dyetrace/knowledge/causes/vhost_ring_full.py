"""The user-space switch had packets for a VM, and the VM's ring had no room.

The VM gets too little CPU time, its driver is slow, or its ring (usually 256) is small for
bursts. The present drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the port's counters ovs_tx_failure_drops and vhost_tx_dropped, which the
driver reports as drop reasons of these names.

What to check: the VM's CPU time and interrupts, its ring's size, and the number of queues.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="VHOST_RING_FULL",
    title="Virtqueue not emptied by the VM",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The VM does not take its packets fast enough, so part of them is lost.",
    operator_meaning="vhost-user: no free descriptor in the guest's receive ring after retries.",
    remedy=Remedy(
        text="Give the VM more CPU time or queues, or a larger rx_queue_size.",
        command="ovs-vsctl --columns=name,statistics list interface",
    ),
    drop_reasons=(
        "OVS_TX_FAILURE_DROPS",
        "VHOST_TX_DROPPED",
    ),
)
