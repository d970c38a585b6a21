"""From a description to what each namespace must be told: pure, readable before it is run."""

from collections.abc import Iterator
from dataclasses import dataclass

from dyetrace.lab.description import (
    Attachment,
    CloudDescription,
    GatewayDescription,
    NetworkDescription,
    RouterDescription,
    VmDescription,
)
from dyetrace.lab.namespaces import fabric_namespace, internet_namespace, namespace

VXLAN_PORT = 4789
ALL_ELSE = "00:00:00:00:00:00"  # broadcasts, and whoever is not known
UNDERLAY_MTU = 1500
EXTERNAL_MTU = 1500

INTERNET_ADDRESSES = ("198.51.100.10", "2001:db8:51::10")
INTERNET_ROUTER = ("203.0.113.1", "2001:db8:113::1")
INTERNET_BRIDGE = "br-ext"
EXTERNAL_PREFIX_LENGTHS = (24, 64)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Blueprint:
    """A whole cloud: veth pairs across namespaces, then the namespaces one by one."""

    links: tuple[str, ...]
    namespaces: tuple[NamespacePlan, ...]


def draw(cloud: str, description: CloudDescription) -> Blueprint:
    """Work out how to build a cloud of this name."""
    plans: list[NamespacePlan] = []
    # What everybody sends through comes first: an ARP request lost meanwhile costs a second.
    if description.has_overlay:
        plans.append(plan_fabric(cloud, description))
    if description.gateways:
        plans.append(plan_internet(cloud, description))
    plans += [
        *(plan_vswitch(cloud, description, host) for host in description.hosts),
        *(plan_router(cloud, description, router) for router in description.routers),
        *(plan_gateway(cloud, description, gateway) for gateway in description.gateways),
        *(plan_vm(cloud, vm) for vm in description.vms),
    ]
    return Blueprint(links=tuple(draw_links(cloud, description)), namespaces=tuple(plans))


def draw_links(cloud: str, description: CloudDescription) -> Iterator[str]:
    """Yield one line per veth pair, made right where its ends belong."""
    for attachment in description.attachments:
        inner = namespace(cloud, attachment.host, attachment.role)
        vswitch = namespace(cloud, attachment.host, "vswitch")
        yield (
            f"link add name {attachment.device} netns {inner} address {attachment.mac}"
            f" mtu {description.mtu} type veth"
            f" peer name {attachment.port} netns {vswitch} mtu {description.mtu}"
        )
    if description.has_overlay:
        for host in description.hosts:
            yield (
                f"link add name uplink0 netns {namespace(cloud, host, 'vswitch')}"
                f" mtu {UNDERLAY_MTU} type veth"
                f" peer name to-{host} netns {fabric_namespace(cloud)} mtu {UNDERLAY_MTU}"
            )
    for gateway in description.gateways:
        yield (
            f"link add name ext0 netns {namespace(cloud, gateway.host, gateway.role)}"
            f" mtu {EXTERNAL_MTU} type veth"
            f" peer name to-{gateway.tenant} netns {internet_namespace(cloud)} mtu {EXTERNAL_MTU}"
        )


def plan_vswitch(cloud: str, description: CloudDescription, host: str) -> NamespacePlan:
    """Plan a host's own namespace: a bridge per network, its VXLAN device, the uplink."""
    ip = ["link set dev lo up"]
    bridge: list[str] = []
    if description.has_overlay:
        ip += [
            f"address add {description.underlay_address(host)}/24 dev uplink0",
            "link set dev uplink0 up",
            f"route add default via {description.fabric_address(host)}",
        ]
    for network in description.networks:
        ip.append(
            f"link add name {network.bridge} mtu {description.mtu} type bridge mcast_snooping 0"
        )
        ip.append(f"link set dev {network.bridge} up")
        if network.vxlan:
            ip += vxlan_links(description, host, network, vni=network.vni)
            bridge += vxlan_entries(description, host, network)
    for attachment in description.attachments:
        if attachment.host == host:
            ip.append(f"link set dev {attachment.port} master {attachment.network.bridge} up")
            bridge.append(f"fdb replace {attachment.mac} dev {attachment.port} master static")
    return NamespacePlan(
        name=namespace(cloud, host, "vswitch"),
        sysctls=(*QUIET, *NO_IPV6, *FORWARD_V4, *BRIDGE_ONLY),
        ip=tuple(ip),
        bridge=tuple(bridge),
    )


def vxlan_links(
    description: CloudDescription, host: str, network: NetworkDescription, *, vni: int
) -> list[str]:
    """Give the `ip` lines that make a network's VXLAN device on a host."""
    device = f"name {network.vxlan} mtu {description.mtu}"
    local = description.underlay_address(host)
    return [
        f"link add {device} type vxlan id {vni} local {local} dstport {VXLAN_PORT}",
        f"link set dev {network.vxlan} master {network.bridge} up",
    ]


def vxlan_entries(
    description: CloudDescription, host: str, network: NetworkDescription
) -> list[str]:
    """Give the `bridge` lines that fill a VXLAN device's tables.

    Broadcasts go to all other hosts. The members of the network are known from the
    start, as a cloud's controller would have it: with a distributed router frames
    come back another way than they went, so bridges would never learn and flood
    forever. Learning stays on for whatever else appears.
    """
    others = [description.underlay_address(other) for other in description.hosts if other != host]
    lines = [f"fdb append {ALL_ELSE} dev {network.vxlan} dst {vtep}" for vtep in others]
    for attachment in description.attachments:
        if attachment.network == network and attachment.host != host:
            vtep = description.underlay_address(attachment.host)
            lines.append(f"fdb replace {attachment.mac} dev {network.vxlan} self dst {vtep} static")
            lines.append(f"fdb replace {attachment.mac} dev {network.vxlan} master static")
    return lines


def plan_vm(cloud: str, vm: VmDescription) -> NamespacePlan:
    """Plan a VM: an ordinary machine with one vNIC and a default route."""
    return NamespacePlan(
        name=namespace(cloud, vm.nic.host, vm.nic.role),
        sysctls=QUIET,
        ip=(
            "link set dev lo up",
            *port_lines(vm.nic),
            *(f"route add default via {address}" for address in vm.gateway or ()),
        ),
    )


def plan_router(
    cloud: str, description: CloudDescription, router: RouterDescription
) -> NamespacePlan:
    """Plan one host's share of a vRouter."""
    return NamespacePlan(
        name=namespace(cloud, router.host, router.role),
        sysctls=(*QUIET, *FORWARD_V4, *FORWARD_V6),
        ip=(
            "link set dev lo up",
            *(line for port in router.ports for line in port_lines(port)),
            *(line for port in router.ports for line in neighbour_lines(description, port)),
            *(f"route add default via {address}" for address in router.default_route or ()),
        ),
    )


def plan_gateway(
    cloud: str, description: CloudDescription, gateway: GatewayDescription
) -> NamespacePlan:
    """Plan a tenant's gateway; the floating addresses are its own so that it answers for them."""
    external = [
        f"address add {address}/{length} dev ext0 nodad"
        for address, length in zip(gateway.external, EXTERNAL_PREFIX_LENGTHS, strict=True)
    ]
    floating = [
        f"address add {address} dev ext0 nodad"
        for pair in gateway.floating
        for address in pair.addresses
    ]
    return NamespacePlan(
        name=namespace(cloud, gateway.host, gateway.role),
        sysctls=(*QUIET, *FORWARD_V4, *FORWARD_V6),
        ip=(
            "link set dev lo up",
            *(line for port in gateway.ports for line in port_lines(port)),
            *(line for port in gateway.ports for line in neighbour_lines(description, port)),
            *external,
            *floating,
            "link set dev ext0 up",
            *(f"route add default via {address}" for address in INTERNET_ROUTER),
        ),
        nft=nat_ruleset(description, gateway),
    )


def nat_ruleset(description: CloudDescription, gateway: GatewayDescription) -> str:
    """Write a gateway's translation: floating addresses inwards, its own address outwards."""
    vms = {vm.id: vm for vm in description.vms}
    inwards = []
    for pair in gateway.floating:
        inner4, inner6 = vms[pair.vm].nic.addresses
        outer4, outer6 = pair.addresses
        inwards += [
            f'ip daddr {outer4} dnat ip to {inner4} comment "floating address of {pair.vm}"',
            f'ip6 daddr {outer6} dnat ip6 to {inner6} comment "floating address of {pair.vm}"',
        ]
    external4, external6 = gateway.external
    outwards = [
        f'oifname "ext0" ip saddr 10.0.0.0/16 snat ip to {external4} comment "to the Internet"',
        f'oifname "ext0" ip6 saddr fd00::/16 snat ip6 to {external6} comment "to the Internet"',
        # A VM that calls a floating address of its own tenant must get its answer from here.
        'iifname "net-*" oifname "net-*" ct status dnat masquerade comment "hairpin"',
    ]
    return "\n".join(
        [
            "table inet nat {",
            "chain inwards { type nat hook prerouting priority dstnat; policy accept;",
            *inwards,
            "}",
            "chain outwards { type nat hook postrouting priority srcnat; policy accept;",
            *outwards,
            "}",
            "}",
            "",
        ]
    )


def plan_fabric(cloud: str, description: CloudDescription) -> NamespacePlan:
    """Plan the underlay: a router with a leg to each host."""
    lines = ["link set dev lo up"]
    for host in description.hosts:
        lines.append(f"address add {description.fabric_address(host)}/24 dev to-{host}")
        lines.append(f"link set dev to-{host} up")
    return NamespacePlan(
        name=fabric_namespace(cloud), sysctls=(*QUIET, *NO_IPV6, *FORWARD_V4), ip=tuple(lines)
    )


def plan_internet(cloud: str, description: CloudDescription) -> NamespacePlan:
    """Plan the rest of the world: one host behind the router that all gateways share."""
    router = [
        f"address add {address}/{length} dev {INTERNET_BRIDGE} nodad"
        for address, length in zip(INTERNET_ROUTER, EXTERNAL_PREFIX_LENGTHS, strict=True)
    ]
    ports = [
        f"link set dev to-{gateway.tenant} master {INTERNET_BRIDGE} up"
        for gateway in description.gateways
    ]
    return NamespacePlan(
        name=internet_namespace(cloud),
        sysctls=(*QUIET, *FORWARD_V4, *FORWARD_V6, *BRIDGE_ONLY),
        ip=(
            "link set dev lo up",
            f"link add name {INTERNET_BRIDGE} type bridge mcast_snooping 0",
            f"link set dev {INTERNET_BRIDGE} up",
            *router,
            *(f"address add {address} dev lo" for address in INTERNET_ADDRESSES),
            *ports,
        ),
    )


def port_lines(attachment: Attachment) -> list[str]:
    """Give a device its addresses and set it up."""
    return [
        *(f"address add {each} dev {attachment.device} nodad" for each in attachment.interfaces),
        f"link set dev {attachment.device} up",
    ]


def neighbour_lines(description: CloudDescription, port: Attachment) -> list[str]:
    """Tell a router the members of a network, as a cloud's controller does.

    Its neighbours then never expire, so an underlay fault stays an underlay fault
    instead of turning into an unresolved neighbour half a minute later.
    """
    return [
        f"neighbour replace {address} lladdr {member.mac} dev {port.device} nud permanent"
        for member in description.attachments
        if member.network == port.network and member != port
        for address in member.addresses
    ]
