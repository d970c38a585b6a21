"""The packet waited for an encrypted tunnel that did not come up.

The kernel asks the key exchange daemon for keys and keeps a few packets meanwhile. When that
takes too long, or the daemon does not answer, they are dropped.

How it is proven: freed in xdst_queue_output or xfrm_policy_queue_process.

What to check: whether the key exchange daemon runs and reaches its peer on UDP 500 and 4500.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="IPSEC_NOT_ESTABLISHED",
    title="Encrypted tunnel is not up yet",
    severity=Severity.MAJOR,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="The encrypted tunnel of the network is not up.",
    operator_meaning="Packets queued for an SA that was not negotiated in time were dropped.",
    remedy=Remedy(
        text="Start the key exchange, and see in its log why it does not end.",
        command="ip netns exec {netns} ip xfrm state list",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it waited for keys."""
    return was_dropped(loss) and function(loss) in {
        "xdst_queue_output",
        "xfrm_policy_queue_process",
        "make_blackhole",
    }
