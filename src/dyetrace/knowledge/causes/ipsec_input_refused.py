"""The packet came encrypted, and the receiver could not or would not open it.

No security association has its number, its check value is wrong, or it came twice or too late.

How it is proven: no reason, freed in xfrm_input. /proc/net/xfrm_stat counts which of these it
was.

What to check: the counters XfrmInNoStates, XfrmInStateProtoError and XfrmInStateSeqError,
before and after.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPSEC_INPUT_REFUSED",
    title="Encrypted packet refused",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The encrypted tunnel of the network refuses the packet.",
    operator_meaning="xfrm_input: no matching state, replay, integrity failure or wrong mode.",
    remedy=Remedy(
        text="Compare the states of both ends; negotiate keys anew if they differ.",
        command="ip netns exec {netns} cat /proc/net/xfrm_stat",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether decryption freed it."""
    return was_freed_in(loss, "xfrm_input", "xfrm_rcv_cb", "esp_input", "esp6_input", "ah_input")
