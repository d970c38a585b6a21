"""A packet filter between the two ends drops the packet, for example at a vRouter.

A netfilter rule or policy dropped or rejected the packet at a VFD that is neither the sender's
nor the receiver's vSwitch: a router's forward chain, a gateway's firewall, or what iptables
left behind.

How it is proven: the kernel freed the packet with the reason NETFILTER_DROP (from nft_do_chain
for nftables on recent kernels, from nf_hook_slow for iptables and on older ones).

What to check: the forward chain and its policy. Container engines set the policy of the chain
FORWARD to drop on hosts that they manage.
"""

from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity

CAUSE = Cause(
    code="FORWARD_POLICY_DROP",
    title="Denied by a packet filter on the way",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A firewall on the way, which is not yours, does not let this traffic pass.",
    operator_meaning="A netfilter rule or policy at a forwarding VFD dropped the packet.",
    remedy=Remedy(
        text="Find out whose rule it is, and allow {match} before it if it should pass.",
        command=(
            "ip netns exec {netns} nft insert rule {rule_family} {table} {chain} {match} accept"
        ),
    ),
    drop_reasons=("NETFILTER_DROP",),
)

FALLBACK = "ip netns exec {netns} nft -a list ruleset"
