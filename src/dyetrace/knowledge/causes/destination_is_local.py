"""The packet went into a VFD that has the destination address itself, and stayed there.

A virtual address left on the wrong machine, an address given twice, or a translation that did
not apply: the VFD takes the packet for its own and hands it to its own programs.

How it is proven: inferred: the packet went in, never came out, nobody dropped it, and the
agent's look-up of its route ended in the kind `local`.

What to check: on which device the VFD has the address, and who else should have it.
"""

from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.site import RouteKind

CAUSE = Cause(
    code="DESTINATION_IS_LOCAL",
    title="Taken for the VFD's own",
    severity=Severity.CRITICAL,
    layer=Layer.NETWORK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "A router of the network has the receiver's address itself, and keeps its packets."
    ),
    operator_meaning=(
        "The destination is a local address here, so the packet was delivered to the VFD itself."
    ),
    remedy=Remedy(
        text="Remove {dst} from the VFD if it belongs to somebody else.",
        command="ip netns exec {netns} ip address show to {dst}",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether it vanished where its destination is a local address."""
    return (
        loss.place is Place.INSIDE_VFD
        and (route := loss.site.route) is not None
        and route.kind is RouteKind.LOCAL
    )
