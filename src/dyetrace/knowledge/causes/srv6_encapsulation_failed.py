"""The route says to send the packet along a list of segments, and the header could not be put on.

Memory, a missing HMAC key, or an inner packet of the wrong family for the mode (inline mode
takes IPv6 only).

How it is proven: no reason, freed in seg6_input_core or seg6_output_core.

What to check: the mode and list of the route, and the keys it names.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SRV6_ENCAPSULATION_FAILED",
    title="No SRv6 header could be put on",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="The provider's network could not wrap your packet.",
    operator_meaning=(
        "seg6 input or output failed: no room for the header, HMAC failure, or a loop."
    ),
    remedy=Remedy(
        text="Look at the encapsulation of the route to {dst}.",
        command="ip netns exec {netns} ip -details route show table all",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it was freed while the SRv6 header was put on."""
    return was_freed_in(loss, "seg6_input_core", "seg6_output_core", "seg6_do_srh")
