"""Where the wanted packets enter the cloud."""

from collections.abc import Iterable
from dataclasses import replace
from ipaddress import ip_network

from dyetrace.errors import AmbiguousEndpoint, InvalidRequest, NoSource, UnknownEndpoint
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Network
from dyetrace.model.topology import Nic, Port, PortKind
from dyetrace.planning.lookups import Lookups


def source_ports(wanted: PacketFilter, topology: Lookups) -> tuple[Port, ...]:
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
        _refuse_ambiguous_receiver(wanted, topology)
        tenant = _receivers_tenant(wanted, topology)
        ports = _ports_of_tenant(tenant, topology) + topology.external_ports_for(tenant)
    if not ports:
        raise NoSource(
            f"no port is known where packets of {wanted} enter the cloud: "
            "see `dyetrace doctor` for the ports there are"
        )
    return ports


def resolved_filters(wanted: PacketFilter, topology: Lookups) -> tuple[PacketFilter, ...]:
    """Turn names into what a data plane can match: one filter per address of a named VM.

    The source port already stands for the sender, so its names need no address.
    """
    plain = replace(wanted, src_vm=None, dst_vm=None, nic=None, tenant=None)
    if wanted.dst_vm is None or wanted.dst is not None:
        return (plain,)
    version = wanted.ip_version
    addresses = {
        address
        for nic in topology.nics_by_name.get(wanted.dst_vm, ())
        for address in nic.addresses
        if version is None or address.version == version
    }
    if not addresses:
        raise NoSource(f"no address of VM {wanted.dst_vm} is known: use --dst ADDRESS")
    return tuple(replace(plain, dst=ip_network(address)) for address in sorted(addresses, key=str))


def check_names(wanted: PacketFilter, topology: Lookups) -> None:
    """Raise UnknownEndpoint or AmbiguousEndpoint for names and addresses nobody has."""
    for name in (wanted.src_vm, wanted.dst_vm, wanted.nic):
        if name is not None and name not in topology.nics_by_name:
            raise UnknownEndpoint(what="VM or NIC", name=name, known=topology.nics_by_name)
    if wanted.tenant is not None and wanted.tenant not in topology.tenants:
        raise UnknownEndpoint(what="tenant", name=wanted.tenant, known=topology.tenants)
    for prefix in (wanted.src, wanted.dst):
        _check_address(prefix, topology)


def _check_address(prefix: Network | None, topology: Lookups) -> None:
    """An address that can be neither inside nor outside of this cloud is a typing error."""
    if prefix is None or prefix.num_addresses > 1 or topology.leads_outside:
        return
    if topology.has_unknown_addresses:
        return  # a tap VM whose addresses nobody knows may have it
    address = prefix.network_address
    if address not in topology.nics_by_address and address not in topology.own_addresses:
        raise UnknownEndpoint(
            what="endpoint with address",
            name=str(address),
            known=map(str, topology.nics_by_address),
        )


def _named_ports(wanted: PacketFilter, topology: Lookups) -> tuple[Port, ...]:
    names = [name for name in (wanted.src_vm, wanted.nic) if name is not None]
    first, *others = (topology.vnic_ports_by_name.get(name, ()) for name in names)
    return tuple(port for port in first if all(port in ports for ports in others))


def _ports_of_prefix(prefix: Network, wanted: PacketFilter, topology: Lookups) -> tuple[Port, ...]:
    inside = _ports_with(prefix, wanted.tenant, topology)
    _refuse_several_tenants(str(prefix), inside)
    if inside:
        return inside
    unknown = tuple(
        port
        for port in _ports_of_tenant(wanted.tenant, topology)
        if port.nic is None or not port.nic.addresses
    )
    return unknown + topology.external_ports_for(_receivers_tenant(wanted, topology))


def _ports_with(prefix: Network, tenant: str | None, topology: Lookups) -> tuple[Port, ...]:
    """Find the vNIC ports with an address of the prefix."""
    if tenant is None and prefix.num_addresses == 1:
        ports = topology.vnic_ports_by_address.get(prefix.network_address, ())
        return tuple(port for port in ports if port.kind is PortKind.VNIC)
    return tuple(
        port
        for port in _ports_of_tenant(tenant, topology)
        if port.nic is not None and any(address in prefix for address in port.nic.addresses)
    )


def _receivers_tenant(wanted: PacketFilter, topology: Lookups) -> str | None:
    """Whose packets are wanted where only their receiver is named; None if anybody's."""
    if wanted.tenant is not None:
        return wanted.tenant
    tenants = {nic.tenant for nic in _receivers(wanted, topology)}
    return (tenants.pop() or None) if len(tenants) == 1 else None


def _refuse_ambiguous_receiver(wanted: PacketFilter, topology: Lookups) -> None:
    if wanted.tenant is None and wanted.dst is not None and wanted.dst.num_addresses == 1:
        tenants = {nic.tenant for nic in _receivers(wanted, topology)}
        if len(tenants) > 1:
            raise AmbiguousEndpoint(name=str(wanted.dst.network_address), tenants=tenants)


def _refuse_several_tenants(name: str, ports: Iterable[Port]) -> None:
    tenants = {port.nic.tenant for port in ports if port.nic is not None}
    if len(tenants) > 1:
        raise AmbiguousEndpoint(name=name, tenants=tenants)


def _receivers(wanted: PacketFilter, topology: Lookups) -> Iterable[Nic]:
    if wanted.dst_vm is not None:
        yield from topology.nics_by_name.get(wanted.dst_vm, ())
    if wanted.dst is not None and wanted.dst.num_addresses == 1:
        yield from topology.nics_by_address.get(wanted.dst.network_address, ())
    elif wanted.dst is not None:
        for address, nics in topology.nics_by_address.items():
            if address in wanted.dst:
                yield from nics


def _ports_of_tenant(tenant: str | None, topology: Lookups) -> tuple[Port, ...]:
    if tenant is None:
        return topology.vnic_ports
    return topology.vnic_ports_by_tenant.get(tenant, ())
