"""The receiver's vSwitch drops the packet: a security rule does not let it in.

A netfilter rule, or a chain's policy, at the vSwitch that the receiving vNIC is plugged into
matched the packet and dropped or rejected it. The packet came all the way; only the last step
is denied.

How it is proven: the kernel freed the packet with the reason NETFILTER_DROP in the VFD that the
destination's vNIC belongs to, and that VFD is a vSwitch. Where sender and receiver share a
vSwitch, the drop counts as the receiver's if the packet was past the port it came in by.

What to check: the ingress rules for this destination, protocol and port, and whether the source
address they expect is the one the packet has after address translation.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_on_receiving_side
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.topology import VfdKind

CAUSE = Cause(
    code="RX_ACL_DENY",
    title="Denied by a security rule of the destination",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="A rule of the receiver's security group does not let this traffic in.",
    operator_meaning=(
        "A netfilter rule at the receiver's vSwitch dropped the packet before delivery."
    ),
    remedy=Remedy(
        text="Allow {match} in the chain that drops it, if the tenant means it to pass.",
        command=(
            "ip netns exec {netns} nft insert rule {rule_family} {table} {chain} {match} accept"
        ),
    ),
)

FALLBACK = "ip netns exec {netns} nft -a list ruleset"


def explains(loss: Loss) -> bool:
    """Whether netfilter dropped it on the receiver's side of a vSwitch."""
    return (
        loss.drop_reason == "NETFILTER_DROP"
        and loss.vfd_kind is VfdKind.VSWITCH
        and is_on_receiving_side(loss)
    )
