"""The busy receiver opens connections by cookies, and this one's cookie is not valid.

Cookies are good for a minute or two. Wrong ones come from forged acknowledgements, or from
connections that closed long ago.

How it is proven: freed in cookie_v4_check or cookie_v6_check.

What to check: whether the receiver is under a SYN flood, and its backlog.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import function, was_dropped
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="SYN_COOKIE_REFUSED",
    title="Cookie of a new connection refused",
    severity=Severity.MAJOR,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning=(
        "The receiver is flooded with new connections, and this one came too late or is forged."
    ),
    operator_meaning="cookie_v4_check or cookie_v6_check failed.",
    remedy=Remedy(
        text="Raise the listener's backlog at {dst}, so that cookies are not needed.",
        command="ip netns exec {netns} nstat -az TcpExtSyncookiesRecv TcpExtSyncookiesFailed",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether its cookie was checked and refused."""
    return was_dropped(loss) and function(loss) in {"cookie_v4_check", "cookie_v6_check"}
