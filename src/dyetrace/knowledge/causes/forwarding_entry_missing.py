"""The switch knows no port for the destination's MAC address.

A bridge found no port to send the frame to: none is up, or flooding is off and the address is
not known.

How it is proven: the kernel's drop reason NO_TX_TARGET, freed by a bridge.

What to check: the forwarding table: is the destination's MAC address there, and does it point
to the right port?
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FORWARDING_ENTRY_MISSING",
    title="Nowhere to send the frame",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network does not know where the receiver's network card is.",
    operator_meaning="No forwarding entry, and no flooding, for the destination MAC.",
    remedy=Remedy(
        text="See whether the destination's MAC address is in the forwarding table.",
        command="ip netns exec {netns} bridge fdb show",
    ),
    drop_reasons=("NO_TX_TARGET",),
)
