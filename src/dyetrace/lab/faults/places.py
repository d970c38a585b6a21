"""Find the place in a cloud that a fault means."""

from typing import TYPE_CHECKING

from dyetrace.lab.description import Attachment, NetworkDescription, RouterDescription
from dyetrace.lab.errors import FaultNotApplicable, UnknownName
from dyetrace.lab.namespaces import namespace

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.ends import Vm


def source(cloud: "Cloud", vm: str) -> "Vm":
    """Give the VM of this id, or the source of the example flow."""
    return cloud.vm(vm) if vm else cloud.example[0]


def destination(cloud: "Cloud", vm: str) -> "Vm":
    """Give the VM of this id, or the destination of the example flow."""
    return cloud.vm(vm) if vm else cloud.example[1]


def router(cloud: "Cloud", fault: str, *, tenant: str, host: str) -> RouterDescription:
    """Give a tenant's vRouter on a host; by default the one the example flow enters."""
    first = cloud.example[0]
    tenant, host = tenant or first.tenant, host or first.host
    if not cloud.description.routers:
        raise FaultNotApplicable(fault=fault, cloud=cloud.name, why="it has no vRouters")
    for each in cloud.description.routers:
        if (each.tenant, each.host) == (tenant, host):
            return each
    known = [f"{each.tenant} on {each.host}" for each in cloud.description.routers]
    raise UnknownName(what="vRouter", name=f"{tenant} on {host}", known=known)


def netns_of(cloud: "Cloud", router_: RouterDescription) -> str:
    """Name a vRouter's namespace."""
    return namespace(cloud.name, router_.host, router_.role)


def port_towards(router_: RouterDescription, network: str) -> Attachment:
    """Give the vRouter's port into a network. Raises UnknownName."""
    for port in router_.ports:
        if port.network.name == network:
            return port
    known = [port.network.name for port in router_.ports]
    raise UnknownName(what="network", name=network, known=known)


def network(cloud: "Cloud", *, tenant: str, name: str) -> NetworkDescription:
    """Give a tenant's network; by default the one the example flow ends in."""
    last = cloud.example[1]
    tenant, name = tenant or last.tenant, name or last.network
    for each in cloud.description.networks:
        if (each.tenant, each.name) == (tenant, name):
            return each
    known = [f"{each.tenant} {each.name}" for each in cloud.description.networks]
    raise UnknownName(what="network", name=f"{tenant} {name}", known=known)


def overlay_required(cloud: "Cloud", fault: str) -> None:
    """Raise FaultNotApplicable in a cloud of one host."""
    if not cloud.description.has_overlay:
        raise FaultNotApplicable(fault=fault, cloud=cloud.name, why="it has one host, no underlay")
