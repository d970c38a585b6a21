"""The host's own firewall drops the tunnel's packets, not the tenant's.

A rule in the host's input or output chain, or before its routing, takes the encapsulated packet
for a stranger: the tunnel's UDP port is not open, or the other host's address not allowed. All
tenants on the two hosts suffer alike, whatever their security groups say.

How it is proven: the kernel's drop reason NETFILTER_DROP for a packet that was still, or
already, encapsulated, at a host that it was sent by or to.

What to check: the rules of the host's own firewall (firewalld, ufw, a hardening playbook), and
whether the tunnel's port (4789 for VXLAN, 6081 for Geneve) is open to all hosts of the cloud.
"""

from dyetrace.knowledge.loss import Loss
from dyetrace.knowledge.signs import is_netfilter_drop
from dyetrace.model.cause import Cause, Layer, Owner, Remedy, Severity
from dyetrace.model.topology import VfdKind

CAUSE = Cause(
    code="HOST_FIREWALL_DENY",
    title="Tunnel denied by the host's own firewall",
    severity=Severity.CRITICAL,
    layer=Layer.SECURITY,
    owner=Owner.PROVIDER,
    tenant_meaning="A host of the provider does not let your network's packets in or out.",
    operator_meaning=(
        "A netfilter rule of the host itself dropped the encapsulated packet: the tunnel between "
        "the two hosts is cut."
    ),
    remedy=Remedy(
        text="Open the firewall of host {host} for the tunnel between {outer_src} and {outer_dst}.",
        command="ip netns exec {netns} nft -a list ruleset",
    ),
)


def explains(loss: Loss) -> bool:
    """Whether netfilter dropped an outer packet at one of the tunnel's two hosts."""
    is_tunnels_end = loss.vfd_kind is VfdKind.VSWITCH or loss.next_host == loss.host
    return is_netfilter_drop(loss) and loss.outer is not None and is_tunnels_end
