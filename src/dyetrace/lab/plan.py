"""What one namespace must be told, and what all namespaces of a kind are told alike."""

from dataclasses import dataclass

from dyetrace.lab.description import Attachment

# Set as defaults before there is a device, so that every device is born with them.
QUIET = (
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/all/accept_redirects", "0"),
    ("net/ipv4/conf/default/accept_redirects", "0"),
    ("net/ipv4/conf/all/send_redirects", "0"),
    ("net/ipv4/conf/default/send_redirects", "0"),
    # Addresses are usable at once: no duplicate address detection, nobody to ask for a prefix.
    ("net/ipv6/conf/default/accept_dad", "0"),
    ("net/ipv6/conf/default/dad_transmits", "0"),
    ("net/ipv6/conf/default/accept_ra", "0"),
    ("net/ipv6/conf/default/accept_redirects", "0"),
    ("net/ipv6/conf/default/router_solicitations", "0"),
)
# A vSwitch and the fabric speak no IPv6 themselves, so they stay silent; tenants' IPv6 is bridged.
NO_IPV6 = (
    ("net/ipv6/conf/all/disable_ipv6", "1"),
    ("net/ipv6/conf/default/disable_ipv6", "1"),
)
# Bridged frames must meet the bridge family's rules only, not those of the host's own IP stack.
BRIDGE_ONLY = (
    ("net/bridge/bridge-nf-call-iptables", "0"),
    ("net/bridge/bridge-nf-call-ip6tables", "0"),
    ("net/bridge/bridge-nf-call-arptables", "0"),
)
FORWARD_V4 = (("net/ipv4/ip_forward", "1"),)
FORWARD_V6 = (
    ("net/ipv6/conf/all/forwarding", "1"),
    ("net/ipv6/conf/default/forwarding", "1"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespacePlan:
    """What one namespace must be told, tool by tool, in the order in which the tools run."""

    name: str
    sysctls: tuple[tuple[str, str], ...]
    ip: tuple[str, ...]
    bridge: tuple[str, ...] = ()
    nft: str = ""


def port_lines(attachment: Attachment) -> list[str]:
    """Give a device its addresses and set it up."""
    return [
        *(f"address add {each} dev {attachment.device} nodad" for each in attachment.interfaces),
        f"link set dev {attachment.device} up",
    ]
