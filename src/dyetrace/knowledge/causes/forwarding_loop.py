"""The packet went through too many devices or tables stacked on each other.

A tunnel whose outer packets are routed into itself, redirects that meet each other, or OVS
tables that resubmit without end: the kernel stops after a few rounds.

How it is proven: the kernel's drop reason RECURSION_LIMIT, or OVS_DROP_RECURSION_LIMIT and
OVS_DROP_DEFERRED_LIMIT.

What to check: the route to the tunnel's other end (it must not lead into the tunnel), and
redirect rules.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FORWARDING_LOOP",
    title="Goes in circles inside the host",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network sends the packet in circles.",
    operator_meaning="Transmit recursion or recirculation limit reached.",
    remedy=Remedy(
        text="Look where the tunnel's outer packets go.",
        command="ip netns exec {netns} ip -details link show",
    ),
    drop_reasons=("RECURSION_LIMIT", "OVS_DROP_RECURSION_LIMIT", "OVS_DROP_DEFERRED_LIMIT"),
)
