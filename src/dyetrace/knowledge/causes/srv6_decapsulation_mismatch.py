"""The SID decapsulates another kind of packet than the one that came.

End.DX4 and End.DT4 take IPv4 only, End.DX6 and End.DT6 IPv6 only, End.DX2 frames. A SID that
decapsulates must also be the last of the list.

How it is proven: no reason, freed in the function of the SID's action, such as
input_action_end_dx4.

What to check: the action of the SID against the tenant's address family, and its position in
the list.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

ACTIONS = tuple(
    f"input_action_end_{end}"
    for end in ("dx2", "dx4", "dx4_finish", "dx6", "dx6_finish", "dt4", "dt6", "dt46")
)

CAUSE = Cause(
    code="SRV6_DECAPSULATION_MISMATCH",
    title="Wrong kind of SID for what the packet carries",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The receiving host takes your traffic for another kind than it is.",
    operator_meaning="End.DX2/DX4/DX6/DT4/DT6/DT46: inner protocol differs, or segments are left.",
    remedy=Remedy(
        text="Use a SID whose action fits the packet, or End.DT46 for both families.",
        command="ip netns exec {netns} ip -6 route get {outer_dst}",
    ),
)

FALLBACK = "ip netns exec {netns} ip -6 route show table all"


def explains(loss: Loss) -> bool:
    """Whether a SID that decapsulates freed it."""
    return was_freed_in(loss, *ACTIONS)
