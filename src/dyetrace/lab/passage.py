"""Where the packets of a flow pass, by the cloud's description: the places a fault can be put."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dyetrace.lab.description import Attachment, NetworkDescription
from dyetrace.lab.ends import FloatingIp, Internet, Vm
from dyetrace.lab.errors import UnknownName
from dyetrace.lab.namespaces import namespace

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

Position = Literal[
    "source-vswitch",
    "source-vrouter",
    "source-uplink",  # the source's vSwitch again, on the way into the overlay
    "underlay",
    "gateway-vswitch",
    "gateway",
    "destination-vswitch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One passage of a flow through one VFD."""

    host: str
    role: str  # the VFD's name
    netns: str
    entry: str  # the device it comes in by
    exit: str  # the device it leaves by
    addresses: tuple[str, str]  # its destination, as forwarding sees it here

    @property
    def is_bridged(self) -> bool:
        """Whether it passes a vSwitch, in contrast to being routed."""
        return self.role == "vswitch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """The flow's first way through the underlay."""

    source: str  # host
    target: str  # host
    network: NetworkDescription
    mac: str  # the frame's destination


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """All of a flow's places."""

    passages: Mapping[Position, Passage]
    leg: Leg | None


def journey(cloud: "Cloud", source: str, destination: str) -> Journey:
    """Work out the places; empty names mean the ends of the example flow."""
    first, last = cloud.example
    start = cloud.end(source) if source else first
    goal = cloud.end(destination) if destination else last
    if isinstance(start, Vm) and isinstance(goal, Vm):
        return between_vms(cloud, start, goal)
    if isinstance(start, Vm) and not isinstance(goal, Vm):
        return to_gateway(cloud, start, goal)
    if isinstance(start, Internet) and isinstance(goal, FloatingIp):
        return from_gateway(cloud, goal)
    raise UnknownName(what=f"way to {goal.id}", name=start.id, known=[vm.id for vm in cloud.vms])


def between_vms(cloud: "Cloud", start: Vm, goal: Vm) -> Journey:
    """Follow a flow inside a tenant."""
    network = network_of(cloud, goal)
    is_local = start.host == goal.host
    exit_ = goal.port if is_local else str(network.vxlan)
    if start.network == goal.network:
        first = switched(cloud, start.host, start.port, exit_, goal.addresses)
        passages: dict[Position, Passage] = {"source-vswitch": first}
        last_entry = start.port if is_local else exit_
    else:
        passages = through_router(cloud, start, goal.network, goal.addresses)
        last_entry = router_port(cloud, start, goal.network).port if is_local else exit_
        if not is_local:
            passages["source-uplink"] = switched(
                cloud, start.host, router_port(cloud, start, goal.network).port, exit_,
                goal.addresses,
            )  # fmt: skip
    passages["destination-vswitch"] = switched(
        cloud, goal.host, last_entry, goal.port, goal.addresses
    )
    leg = Leg(source=start.host, target=goal.host, network=network, mac=goal.mac)
    return Journey(passages=passages, leg=None if is_local else leg)


def to_gateway(cloud: "Cloud", start: Vm, goal: Internet | FloatingIp) -> Journey:
    """Follow a flow out of a tenant, or back into it through a floating address."""
    inner = gateway_port(cloud, start.tenant, uplink_of(cloud, start).name)
    network = inner.network
    passages = through_router(cloud, start, network.name, goal.addresses)
    entry = router_port(cloud, start, network.name).port
    passages["source-uplink"] = switched(
        cloud, start.host, entry, str(network.vxlan), goal.addresses
    )
    passages["gateway-vswitch"] = switched(
        cloud, inner.host, str(network.vxlan), inner.port, goal.addresses
    )
    leg = Leg(source=start.host, target=inner.host, network=network, mac=inner.mac)
    if isinstance(goal, Internet):
        passages["gateway"] = routed(cloud, inner, inner.device, "ext0", goal.addresses)
        return Journey(passages=passages, leg=leg)
    vm = goal.vm
    passages["gateway"] = routed(cloud, inner, inner.device, vm.network, vm.addresses)
    passages["destination-vswitch"] = switched(
        cloud, vm.host, str(network_of(cloud, vm).vxlan), vm.port, vm.addresses
    )
    return Journey(passages=passages, leg=leg)


def from_gateway(cloud: "Cloud", goal: FloatingIp) -> Journey:
    """Follow a flow from the Internet to a floating address."""
    vm = goal.vm
    inner = gateway_port(cloud, vm.tenant, vm.network)
    vxlan = str(inner.network.vxlan)
    return Journey(
        passages={
            "gateway": routed(cloud, inner, "ext0", inner.device, vm.addresses),
            "gateway-vswitch": switched(cloud, inner.host, inner.port, vxlan, vm.addresses),
            "destination-vswitch": switched(cloud, vm.host, vxlan, vm.port, vm.addresses),
        },
        leg=Leg(source=inner.host, target=vm.host, network=inner.network, mac=vm.mac),
    )


def through_router(
    cloud: "Cloud", start: Vm, network: str, addresses: tuple[str, str]
) -> dict[Position, Passage]:
    """Give the passages from a VM through its vRouter."""
    port = router_port(cloud, start, start.network)
    return {
        "source-vswitch": switched(cloud, start.host, start.port, port.port, addresses),
        "source-vrouter": routed(cloud, port, port.device, network, addresses),
    }


def switched(
    cloud: "Cloud", host: str, entry: str, exit_: str, addresses: tuple[str, str]
) -> Passage:
    """Describe a passage through a host's vSwitch."""
    return Passage(
        host=host,
        role="vswitch",
        netns=namespace(cloud.name, host, "vswitch"),
        entry=entry,
        exit=exit_,
        addresses=addresses,
    )


def routed(
    cloud: "Cloud", port: Attachment, entry: str, exit_: str, addresses: tuple[str, str]
) -> Passage:
    """Describe a passage through the vRouter or gateway that has this port."""
    return Passage(
        host=port.host,
        role=port.role,
        netns=namespace(cloud.name, port.host, port.role),
        entry=entry,
        exit=exit_,
        addresses=addresses,
    )


def network_of(cloud: "Cloud", vm: Vm) -> NetworkDescription:
    """Give the network a VM is in."""
    return next(each.nic.network for each in cloud.description.vms if each.id == vm.id)


def router_port(cloud: "Cloud", vm: Vm, network: str) -> Attachment:
    """Give the port into a network of the vRouter on the VM's host."""
    return next(
        port
        for router in cloud.description.routers
        if (router.tenant, router.host) == (vm.tenant, vm.host)
        for port in router.ports
        if port.network.name == network
    )


def gateway_port(cloud: "Cloud", tenant: str, network: str) -> Attachment:
    """Give the port into a network of a tenant's gateway."""
    return next(
        port
        for gateway in cloud.description.gateways
        if gateway.tenant == tenant
        for port in gateway.ports
        if port.network.name == network
    )


def uplink_of(cloud: "Cloud", vm: Vm) -> NetworkDescription:
    """Give the network by which the VM's vRouter reaches its gateway."""
    default = next(
        router.default_route
        for router in cloud.description.routers
        if (router.tenant, router.host) == (vm.tenant, vm.host)
    )
    return next(
        port.network
        for gateway in cloud.description.gateways
        if gateway.tenant == vm.tenant
        for port in gateway.ports
        if port.addresses == default
    )
