"""There is no room for another neighbour, so new destinations cannot be reached.

The table of MAC addresses has reached gc_thresh3. In flat networks with thousands of VMs the
default limit is soon met; old destinations work, new ones do not.

How it is proven: the kernel's drop reason NEIGH_CREATEFAIL. The kernel's log says "neighbor
table overflow".

What to check: how many neighbours there are, and whether that many are meant to be in one
segment.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="NEIGHBOUR_TABLE_FULL",
    title="Neighbour table full",
    severity=Severity.MAJOR,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning=(
        "The network cannot reach more machines at the moment: known ones work, new ones do not."
    ),
    operator_meaning=(
        "Neighbour entry could not be created: gc_thresh3 is reached (it counts for all "
        "namespaces)."
    ),
    remedy=Remedy(
        text="Raise gc_thresh3 on host {host}.",
        command="sysctl -w net.{family}.neigh.default.gc_thresh3=16384",
    ),
    drop_reasons=("NEIGH_CREATEFAIL",),
)
