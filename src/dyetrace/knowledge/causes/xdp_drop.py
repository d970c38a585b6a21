"""An eBPF program in the device's driver drops the packet before the network stack sees it.

XDP programs run first of all: load balancers and protection against floods use them. This one's
action for the packet was drop or abort.

How it is proven: the kernel's drop reason XDP; or no reason, with the packet freed in
do_xdp_generic or in a driver's XDP function such as veth_xdp_rcv_skb, which is what Linux 6.18
shows for generic XDP and for veth. Drivers that drop before a packet has an skb leave no trace:
that shows as a silent drop.

What to check: which program is attached to the device, and its own counters or maps.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="XDP_DROP",
    title="Dropped by an XDP program",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A fast packet filter of the network does not let this traffic pass.",
    operator_meaning="An XDP program returned XDP_DROP or XDP_ABORTED for the packet.",
    remedy=Remedy(
        text="Find the XDP program of {port} and ask its owner why.",
        command="ip netns exec {netns} ip -details link show dev {port}",
    ),
    drop_reasons=("XDP",),
)

FALLBACK = "ip netns exec {netns} bpftool net show"


def explains(loss: Loss) -> bool:
    """Whether it was freed where XDP programs run."""
    return loss.drop_reason == "XDP" or was_freed_in(
        loss,
        "do_xdp_generic",
        "netif_receive_generic_xdp",
        "bpf_prog_run_generic_xdp",
        "veth_xdp_rcv_skb",
        "veth_xdp_rcv_one",
        "tun_build_skb",
    )
