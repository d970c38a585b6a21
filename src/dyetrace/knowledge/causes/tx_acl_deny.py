"""The sender's own vSwitch drops the packet: a security rule does not let it out.

A netfilter rule, or a chain's policy, at the vSwitch that the sending vNIC is plugged into
matched the packet and dropped or rejected it. Security groups are made of such rules.

How it is proven: the kernel freed the packet with the reason NETFILTER_DROP in the VFD where it
was colored, and that VFD is a vSwitch. The rule itself is named if the packet was traced
through the rules, or if only one rule there drops.

What to check: the tenant's egress rules for this source, protocol and port. If no rule means
this traffic, a chain's policy drops what nobody allowed.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_on_receiving_side
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.topology import VfdKind

CAUSE = Cause(
    code="TX_ACL_DENY",
    title="Denied by a security rule of the source",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.TENANT,
    tenant_meaning="A rule of your security group does not let this traffic leave the sender.",
    operator_meaning=(
        "A netfilter rule at the sender's vSwitch dropped the packet before it left the host."
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
    """Whether netfilter dropped it on the sender's side of a vSwitch."""
    is_sending_side = loss.is_at_source and not is_on_receiving_side(loss)
    return (
        loss.drop_reason == "NETFILTER_DROP"
        and loss.vfd_kind is VfdKind.VSWITCH
        and is_sending_side
    )
