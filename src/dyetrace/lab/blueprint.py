"""From a description to what each namespace must be told: pure, readable before it is run."""

from collections.abc import Iterator
from dataclasses import dataclass

from dyetrace.lab.description import CloudDescription, RouterDescription, VmDescription
from dyetrace.lab.edge import plan_gateway, plan_internet
from dyetrace.lab.namespaces import fabric_namespace, internet_namespace, namespace
from dyetrace.lab.overlay import neighbour_lines, vxlan_entries, vxlan_links
from dyetrace.lab.plan import (
    BRIDGE_ONLY,
    FORWARD_V4,
    FORWARD_V6,
    NO_IPV6,
    QUIET,
    NamespacePlan,
    port_lines,
)

UNDERLAY_MTU = 1500
EXTERNAL_MTU = 1500


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


def plan_fabric(cloud: str, description: CloudDescription) -> NamespacePlan:
    """Plan the underlay: a router with a leg to each host."""
    lines = ["link set dev lo up"]
    for host in description.hosts:
        lines.append(f"address add {description.fabric_address(host)}/24 dev to-{host}")
        lines.append(f"link set dev to-{host} up")
    return NamespacePlan(
        name=fabric_namespace(cloud), sysctls=(*QUIET, *NO_IPV6, *FORWARD_V4), ip=tuple(lines)
    )
