"""The logical switch has no port with the destination's MAC address.

The port was never bound, has another address, or the sender uses an old one. The present
drivers do not observe this: it is here for the driver of this data plane.

How it is proven: the packet ended in OVN's stage ls_in_l2_unknown, which the driver reports as
the drop reason OVN_DESTINATION_UNKNOWN_STAGE: a flow's cookie leads to its logical flow.

What to check: the addresses of the switch's ports, and the sender's neighbour entry.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="OVN_DESTINATION_UNKNOWN",
    title="No logical port with this MAC address",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="The network does not know the receiver's network card.",
    operator_meaning="ls_in_l2_lkup missed, and no port has the address `unknown`.",
    remedy=Remedy(
        text="See which port should have the destination's MAC address.",
        command="ovn-nbctl show",
    ),
    drop_reasons=("OVN_DESTINATION_UNKNOWN_STAGE",),
)
