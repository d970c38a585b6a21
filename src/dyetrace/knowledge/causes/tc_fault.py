"""The tc configuration of a device leads nowhere: a missing chain, a loop, a lost cookie.

Filters may jump to chains and continue in hardware or software. Here the jump's target does not
exist, the chain turned in circles, or the state to continue with was lost.

How it is proven: the kernel's drop reasons TC_CHAIN_NOTFOUND, TC_RECLASSIFY_LOOP and
TC_COOKIE_ERROR (TC_ERROR on older kernels).

What to check: whether all chains that filters jump to are there; after an upgrade of the
network plugin, whether its rules were installed completely.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="TC_FAULT",
    title="Lost in a faulty tc configuration",
    severity=Severity.CRITICAL,
    layer=Layer.DEVICE,
    owner=Owner.PROVIDER,
    tenant_meaning="The network's own configuration loses the packet.",
    operator_meaning=(
        "tc classification failed: chain not found, reclassify loop or extension cookie error."
    ),
    remedy=Remedy(
        text="List the filters of {port} with their chains.",
        command="ip netns exec {netns} tc -s filter show dev {port} ingress",
    ),
    drop_reasons=("TC_CHAIN_NOTFOUND", "TC_RECLASSIFY_LOOP", "TC_COOKIE_ERROR", "TC_ERROR"),
)

FALLBACK = "ip netns exec {netns} tc qdisc show"
