"""The kernel dropped the packet and gave no reason that is known here.

Many places in the kernel still free packets without saying why. The function that did it is all
there is to go by. Reasons that are newer than this catalogue end here too.

How it is proven: the kernel's drop reason NOT_SPECIFIED, or one that is not in the catalogue,
and the function in the evidence.

What to check: the function's source for the kernel's version; then the counters of the devices
and protocols concerned. Please report the function and what it turned out to mean.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="UNSPECIFIED_DROP",
    title="Dropped without a reason",
    severity=Severity.CRITICAL,
    layer=Layer.HOST,
    owner=Owner.PROVIDER,
    tenant_meaning="A device of the network dropped the packet without saying why.",
    operator_meaning="kfree_skb without a known reason: see the call site.",
    remedy=Remedy(
        text="Look up the function in the evidence; compare the counters before and after.",
        command="ip netns exec {netns} nstat -s",
    ),
    drop_reasons=("NOT_SPECIFIED",),
)
