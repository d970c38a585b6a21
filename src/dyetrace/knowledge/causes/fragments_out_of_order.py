"""Between two fragments of a packet came so many others of the same source that it was given up.

The kernel gives up so that fragments of different packets with the same number are not joined.
Senders with several paths or high rates hit this.

How it is proven: the kernel's drop reason FRAG_TOO_FAR.

What to check: whether fragments take different paths, and net.ipv4.ipfrag_max_dist.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FRAGMENTS_OUT_OF_ORDER",
    title="Fragments arrive too far apart",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="The pieces of a packet arrive in a disorder that the network cannot mend.",
    operator_meaning=(
        "More packets of the same source than ipfrag_max_dist came between two fragments."
    ),
    remedy=Remedy(
        text="Raise ipfrag_max_dist, or make fragments unnecessary.",
        command="ip netns exec {netns} sysctl -w net.ipv4.ipfrag_max_dist=256",
    ),
    drop_reasons=("FRAG_TOO_FAR",),
)
