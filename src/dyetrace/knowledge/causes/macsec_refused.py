"""The link is protected by MACsec, and the frame does not fit.

Frames in the clear on a strict link, an unknown sender, an old packet number, or keys that
differ.

How it is proven: no reason, freed in macsec_handle_frame or macsec_start_xmit.

What to check: the counters of the receiving channel, and the key agreement of both ends.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MACSEC_REFUSED",
    title="Refused by MACsec",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The encryption of a link of the provider does not let the frame pass.",
    operator_meaning=(
        "MACsec validation failed: no matching channel or association, replay, or bad check value."
    ),
    remedy=Remedy(
        text="Compare channels, associations and counters of both ends.",
        command="ip netns exec {netns} ip -s macsec show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether MACsec freed it."""
    return was_freed_in(loss, "macsec_handle_frame", "macsec_decrypt_done", "macsec_start_xmit")
