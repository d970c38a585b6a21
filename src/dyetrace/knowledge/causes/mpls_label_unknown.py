"""The packet carries an MPLS label that this router has no entry for.

Labels are agreed on between neighbours. After a restart of a routing daemon one side may use
labels that the other has forgotten; MPLS must also be switched on for each device.

How it is proven: no reason, freed in mpls_forward.

What to check: the label table, and net.mpls.conf of the device that the packet came in by.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="MPLS_LABEL_UNKNOWN",
    title="Unknown MPLS label",
    severity=Severity.CRITICAL,
    layer=Layer.OVERLAY,
    owner=Owner.PROVIDER,
    tenant_meaning="A router of the provider does not know the label of your traffic.",
    operator_meaning=(
        "mpls_forward found no route for the label, or MPLS input is off on the device."
    ),
    remedy=Remedy(
        text="Compare the label table with what the neighbour sends.",
        command="ip netns exec {netns} ip -f mpls route show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the label switching freed it."""
    return was_freed_in(loss, "mpls_forward")
