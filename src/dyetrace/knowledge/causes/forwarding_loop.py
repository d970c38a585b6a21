"""The packet went through too many devices stacked on each other.

Redirects that meet each other, or devices stacked on themselves: the kernel stops after a few
rounds.

How it is proven: the kernel's drop reason RECURSION_LIMIT.

What to check: redirect rules, and what each device is stacked on.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FORWARDING_LOOP",
    title="Goes in circles inside the host",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network sends the packet in circles.",
    operator_meaning="Transmit recursion limit reached.",
    remedy=Remedy(
        text="Look what the devices are stacked on, and where they redirect to.",
        command="ip netns exec {netns} ip -details link show",
    ),
    drop_reasons=("RECURSION_LIMIT",),
)
