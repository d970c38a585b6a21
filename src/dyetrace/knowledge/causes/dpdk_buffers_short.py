"""The switch had no buffer to receive a packet into.

The memory set aside is too small for the number of queues and their sizes, or buffers are stuck
at a VM. The present drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the port's counters rx_mbuf_allocation_errors, which the driver reports as
drop reasons of these names.

What to check: the memory pools, and the sum of descriptors of all queues.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="DPDK_BUFFERS_SHORT",
    title="Switch has no buffers left",
    severity=Severity.MAJOR,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The host is short of packet buffers.",
    operator_meaning="rx_nombuf: the mempool is empty.",
    remedy=Remedy(
        text="Give the switch more memory.",
        command="ovs-appctl netdev-dpdk/get-mempool-info",
    ),
    drop_reasons=("RX_MBUF_ALLOCATION_ERRORS",),
)
