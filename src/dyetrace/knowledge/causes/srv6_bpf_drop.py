"""The SID runs an eBPF program, and that dropped the packet.

End.BPF programs may rewrite the segment routing header; what they leave is checked, and dropped
if invalid.

How it is proven: no reason, freed in input_action_end_bpf.

What to check: which program the SID has, and its own counters or maps.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SRV6_BPF_DROP",
    title="Dropped by a SID's eBPF program",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="A program of the provider's network does not let this traffic pass.",
    operator_meaning="End.BPF: the SID's program returned drop or left an invalid header.",
    remedy=Remedy(
        text="Find the program of the SID {outer_dst} and ask its owner why.",
        command="ip netns exec {netns} ip -6 route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -6 route show table all"


def explains(loss: Loss) -> bool:
    """Whether a SID's program freed it."""
    return was_freed_in(loss, "input_action_end_bpf")
