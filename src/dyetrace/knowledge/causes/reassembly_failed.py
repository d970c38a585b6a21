"""The packet was cut into fragments, and not all of them could be joined again.

A fragment was missing until the time was up. One lost fragment loses the whole packet.

How it is proven: the kernel's drop reason FRAG_REASM_TIMEOUT. That comes only after half a minute,
so it is inferred where fragments went into a VFD and none came out: it waits for those that are
missing, as connection tracking does. Where those were lost, another finding says.

What to check: why the packets are cut at all (an MTU too small on the way), and whether a
filter drops fragments without ports.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="REASSEMBLY_FAILED",
    title="Fragments could not be put together",
    severity=Severity.MAJOR,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning="A packet was cut into pieces on the way, and some pieces are missing.",
    operator_meaning="IP reassembly failed: not all fragments came in time.",
    remedy=Remedy(
        text="Find the device that makes fragments necessary, and correct its MTU.",
        command="ip netns exec {netns} nstat -az IpReasmFails Ip6ReasmFails",
    ),
    drop_reasons=("FRAG_REASM_TIMEOUT",),
)


def explains(loss: Loss) -> bool:
    """Whether fragments vanished inside a VFD."""
    return loss.place is Place.INSIDE_VFD and loss.has_fragments
