"""Where the wanted packets enter the cloud."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

from dyetrace.errors import AmbiguousEndpoint, InvalidRequest, NoSource, UnknownEndpoint
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Network
from dyetrace.model.topology import Nic, Port, PortKind, Topology


def source_ports(wanted: PacketFilter, topology: Topology) -> tuple[Port, ...]:
    """Find the ports of the source VFDs: the sender's vNIC, or the way in from outside.

    Raises InvalidRequest, UnknownEndpoint, AmbiguousEndpoint or NoSource.
    """
    if replace(wanted, tenant=None).is_everything:
        raise InvalidRequest("say at least one of --src, --dst, --proto, --sport and --dport")
    check_names(wanted, topology)
    if wanted.nic or wanted.src_vm:
        ports = _named_ports(wanted, topology)
    elif wanted.src is not None:
        ports = _ports_of_prefix(wanted.src, wanted, topology)
    else:
        ports = _ports_of_tenant(_receivers_tenant(wanted, topology), topology)
        ports += tuple(port for port in topology.ports if port.kind is PortKind.EXTERNAL)
    if not ports:
        raise NoSource(
            f"no port is known where packets of {wanted} enter the cloud: "
            "see `dyetrace doctor` for the ports there are"
        )
    return ports


def resolved_filters(wanted: PacketFilter, topology: Topology) -> tuple[PacketFilter, ...]:
    """Turn names into what a data plane can match: one filter per address of a named VM.

    The source port already stands for the sender, so its names need no address.
    """
    plain = replace(wanted, src_vm=None, dst_vm=None, nic=None, tenant=None)
    if wanted.dst_vm is None or wanted.dst is not None:
        return (plain,)
    version = wanted.ip_version
    addresses = {
        address
        for nic in _all_nics(topology)
        if wanted.dst_vm in nic.names
        for address in nic.addresses
        if version is None or address.version == version
    }
    if not addresses:
        raise NoSource(f"no address of VM {wanted.dst_vm} is known: use --dst ADDRESS")
    return tuple(replace(plain, dst=ip_network(address)) for address in sorted(addresses, key=str))


def check_names(wanted: PacketFilter, topology: Topology) -> None:
    """Raise UnknownEndpoint or AmbiguousEndpoint for names and addresses nobody has."""
    nics = _all_nics(topology)
    known: set[str] = set().union(*(nic.names for nic in nics))
    for name in (wanted.src_vm, wanted.dst_vm, wanted.nic):
        if name is not None and name not in known:
            raise UnknownEndpoint(what="VM or NIC", name=name, known=known)
    tenants = {nic.tenant for nic in nics if nic.tenant}
    if wanted.tenant is not None and wanted.tenant not in tenants:
        raise UnknownEndpoint(what="tenant", name=wanted.tenant, known=tenants)
    for prefix in (wanted.src, wanted.dst):
        _check_address(prefix, topology)


def _check_address(prefix: Network | None, topology: Topology) -> None:
    """An address that can be neither inside nor outside of this cloud is a typing error."""
    if prefix is None or prefix.num_addresses > 1 or _may_be_outside(topology):
        return
    nics = _all_nics(topology)
    if any(not nic.addresses for nic in nics):
        return  # a tap VM whose addresses nobody knows may have it
    known = {address for nic in nics for address in nic.addresses}
    own = {address for vfd in topology.vfd_by_key.values() for address in vfd.addresses}
    if prefix.network_address not in known | own:
        raise UnknownEndpoint(
            what="endpoint with address",
            name=str(prefix.network_address),
            known=map(str, known),
        )


def _may_be_outside(topology: Topology) -> bool:
    return any(port.kind in {PortKind.EXTERNAL, PortKind.UPLINK} for port in topology.ports) and (
        not topology.nics or any(port.kind is PortKind.EXTERNAL for port in topology.ports)
    )


def _named_ports(wanted: PacketFilter, topology: Topology) -> tuple[Port, ...]:
    return tuple(
        port
        for port in topology.ports
        if port.nic is not None
        and (wanted.src_vm is None or wanted.src_vm in port.nic.names)
        and (wanted.nic is None or wanted.nic in port.nic.names)
    )


def _ports_of_prefix(prefix: Network, wanted: PacketFilter, topology: Topology) -> tuple[Port, ...]:
    inside = tuple(
        port
        for port in _ports_of_tenant(wanted.tenant, topology)
        if port.nic is not None and any(address in prefix for address in port.nic.addresses)
    )
    _refuse_several_tenants(str(prefix), inside)
    if inside:
        return inside
    unknown = tuple(
        port
        for port in _ports_of_tenant(wanted.tenant, topology)
        if port.nic is None or not port.nic.addresses
    )
    return unknown + tuple(port for port in topology.ports if port.kind is PortKind.EXTERNAL)


def _receivers_tenant(wanted: PacketFilter, topology: Topology) -> str | None:
    """Whose packets are wanted where only their receiver is named; None if anybody's."""
    if wanted.tenant is not None:
        return wanted.tenant
    tenants = {
        nic.tenant
        for nic in _all_nics(topology)
        if wanted.dst_vm in nic.names
        or (wanted.dst is not None and any(address in wanted.dst for address in nic.addresses))
    }
    if len(tenants) > 1 and wanted.dst is not None and wanted.dst.num_addresses == 1:
        raise AmbiguousEndpoint(name=str(wanted.dst.network_address), tenants=tenants)
    return (tenants.pop() or None) if len(tenants) == 1 else None


def _refuse_several_tenants(name: str, ports: Iterable[Port]) -> None:
    tenants = {port.nic.tenant for port in ports if port.nic is not None}
    if len(tenants) > 1:
        raise AmbiguousEndpoint(name=name, tenants=tenants)


def _ports_of_tenant(tenant: str | None, topology: Topology) -> tuple[Port, ...]:
    return tuple(
        port
        for port in topology.ports
        if port.kind is PortKind.VNIC
        and (tenant is None or (port.nic is not None and port.nic.tenant == tenant))
    )


def _all_nics(topology: Topology) -> tuple[Nic, ...]:
    return (*topology.nics, *(port.nic for port in topology.ports if port.nic is not None))
