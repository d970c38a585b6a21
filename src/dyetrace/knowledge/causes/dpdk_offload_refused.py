"""The packet needs segmentation or a checksum by the card, and the port cannot do that.

VMs hand over large packets as soon as offloads were negotiated; a port without them cannot send
these on. The present drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the port's counters ovs_tx_invalid_hwol_drops, which the driver reports as
drop reasons of these names.

What to check: offloads of the sender's and the output port.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_OFFLOAD_REFUSED",
    title="Packet needs an offload that the port lacks",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="Large packets are lost in the virtual switch.",
    operator_meaning="invalid hwol: segmentation or checksum offload is needed and not available.",
    remedy=Remedy(
        text="Switch the offloads of the sending VM off to see whether that is it.",
        command="ovs-vsctl --columns=name,statistics list interface",
    ),
    drop_reasons=("OVS_TX_INVALID_HWOL_DROPS",),
)
