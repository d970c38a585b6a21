"""The switch had no flow for the packet, and could not ask for one.

Each new flow is asked for once. Many short flows, scans, or a busy or dead ovs-vswitchd lose
these questions; known flows go on.

How it is proven: no reason, freed in ovs_dp_process_packet, ovs_dp_upcall or
queue_userspace_packet.

What to check: `lost` of the datapath's lookups, whether ovs-vswitchd runs, and its CPU time.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVS_UPCALL_LOST",
    title="First packet of a flow lost on its way to ovs-vswitchd",
    severity=Severity.MAJOR,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The virtual switch is too busy to learn new flows.",
    operator_meaning="Upcall failed: the netlink buffer is full, or ovs-vswitchd does not run.",
    remedy=Remedy(
        text="See whether `lost` rises, and what opens so many flows.",
        command="ovs-appctl dpctl/show -s",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a packet without a flow was freed."""
    return was_freed_in(
        loss,
        "ovs_dp_process_packet",
        "ovs_dp_upcall",
        "queue_userspace_packet",
        "queue_gso_packets",
    )
