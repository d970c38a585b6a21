"""The receiving socket demands a minimum TTL, and the packet has crossed too many routers.

Routing sessions use this (GTSM) so that only neighbours can speak to them. One more router on
the way, for example a detour, makes every packet fail.

How it is proven: the kernel's drop reason TCP_MINTTL.

What to check: how many hops the path has now, and how many the receiver was configured for.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TTL_BELOW_MINIMUM",
    title="From farther away than the receiver accepts",
    severity=Severity.CRITICAL,
    layer=Layer.TRANSPORT,
    owner=Owner.TENANT,
    tenant_meaning=("The receiver only accepts packets from nearby, and these come from too far."),
    operator_meaning="IP_MINTTL or IPV6_MINHOPCOUNT check failed.",
    remedy=Remedy(
        text="Allow more hops at {dst}, or restore the direct path.",
        command="ip netns exec {netns} ip route get {dst}",
    ),
    drop_reasons=("TCP_MINTTL",),
)
