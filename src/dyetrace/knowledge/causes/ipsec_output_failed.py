"""The packet should leave encrypted, and the encryption failed.

The security association has expired while no new one was negotiated, its sequence numbers are
used up, or the outer packet has no route.

How it is proven: no reason, freed in xfrm_output or xfrm_output_resume.

What to check: the lifetime of the states, and the log of the key exchange daemon.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPSEC_OUTPUT_FAILED",
    title="Could not be encrypted",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The encrypted tunnel of the network cannot take the packet.",
    operator_meaning=(
        "xfrm_output: the state is invalid or expired, out of sequence numbers, or its route "
        "failed."
    ),
    remedy=Remedy(
        text="See why the key exchange daemon has not renewed the state.",
        command="ip netns exec {netns} ip -s xfrm state list",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether encryption freed it."""
    return was_freed_in(
        loss, "xfrm_output", "xfrm_output_resume", "xfrm_output2", "__xfrm6_output", "xfrm4_output"
    )
