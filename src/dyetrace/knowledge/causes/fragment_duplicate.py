"""A fragment covers bytes that another one has brought already.

Duplicates come from flooding, from two paths, or from somebody who overlaps fragments to slip
past filters.

How it is proven: the kernel's drop reason DUP_FRAG.

What to check: whether two ports flood the same frame; who sends overlapping fragments.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FRAGMENT_DUPLICATE",
    title="Fragment came twice",
    severity=Severity.MINOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A piece of a packet came twice: harmless, unless it happens all the time.",
    operator_meaning="A fragment repeats or overlaps one that is there already.",
    remedy=Remedy(
        text="Find out where the packet is doubled.",
        command="ip netns exec {netns} nstat -az IpReasmFails Ip6ReasmFails",
    ),
    drop_reasons=("DUP_FRAG",),
)
