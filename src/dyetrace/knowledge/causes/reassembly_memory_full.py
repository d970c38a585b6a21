"""There is no room for another fragment that waits for the rest.

Incomplete packets are kept for half a minute. Many of them, or an attack with lonely fragments,
use up the memory set aside.

How it is proven: no reason, freed in ip_defrag, ip_check_defrag, ipv6_frag_rcv or
nf_ct_frag6_gather.

What to check: the counters of reassembly, and ipfrag_high_thresh of this namespace.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="REASSEMBLY_MEMORY_FULL",
    title="No room to put fragments together",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network has too many incomplete packets to put together.",
    operator_meaning=(
        "Fragment queues have reached ipfrag_high_thresh, or a fragment could not be queued."
    ),
    remedy=Remedy(
        text="Raise the memory for fragments, or make fragments unnecessary.",
        command=(
            "ip netns exec {netns} sysctl net.ipv4.ipfrag_high_thresh net.ipv6.ip6frag_high_thresh"
        ),
    ),
)


def explains(loss: Loss) -> bool:
    """Whether a fragment could not be queued."""
    return was_freed_in(loss, "ip_defrag", "ip_check_defrag", "ipv6_frag_rcv", "nf_ct_frag6_gather")
