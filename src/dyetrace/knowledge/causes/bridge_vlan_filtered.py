"""The bridge filters by VLAN, and the frame's VLAN is not allowed on the port.

A port takes the VLANs it was given, and untagged frames only if it has a default (pvid).

How it is proven: no reason, freed in __allowed_ingress, br_allowed_ingress or br_handle_vlan.

What to check: the VLANs of both ports and of the bridge itself, and the ports' pvid.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import was_freed_in
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="BRIDGE_VLAN_FILTERED",
    title="Not in the bridge port's VLANs",
    severity=Severity.CRITICAL,
    layer=Layer.LINK,
    owner=Owner.PROVIDER,
    tenant_meaning="A virtual switch does not carry this network on one of its ports.",
    operator_meaning="VLAN filtering: the frame's VLAN is not in the port's list.",
    remedy=Remedy(
        text="Add the VLAN to the port that lacks it.",
        command="ip netns exec {netns} bridge vlan show",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether the VLAN filter freed it."""
    return was_freed_in(
        loss, "__allowed_ingress", "br_allowed_ingress", "br_handle_vlan", "br_allowed_egress"
    )
