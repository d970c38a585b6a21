"""The SID here says to go on to the next segment, and the packet has none.

The list of segments is too short, or a SID that only passes on was put last, where one that
decapsulates belongs.

How it is proven: no reason, freed in input_action_end and its kin, which take the next segment.

What to check: the list of segments at the sender, and the action of the SID here.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SRV6_SEGMENTS_EXHAUSTED",
    title="No SRv6 segment left",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's path through the network ends too early.",
    operator_meaning=(
        "An End, End.X, End.T or End.B6 SID was the last segment, or the header is missing."
    ),
    remedy=Remedy(
        text="Put a SID that decapsulates last in the sender's list, after {outer_dst}.",
        command="ip netns exec {netns} ip -6 route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -6 route show table all"


def explains(loss: Loss) -> bool:
    """Whether a SID that passes on freed it."""
    return was_freed_in(
        loss,
        "input_action_end",
        "input_action_end_core",
        "input_action_end_x",
        "input_action_end_x_core",
        "input_action_end_t",
        "input_action_end_b6",
        "input_action_end_b6_encap",
    )
