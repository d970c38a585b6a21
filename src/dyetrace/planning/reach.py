"""Which hosts a task's packets can come to: only there it is logged."""

from collections.abc import Iterable, Iterator

from dyetrace.model.filter import PacketFilter
from dyetrace.model.topology import Port, PortKind
from dyetrace.planning.lookups import Lookups

FEW = 16  # hosts more cost less than a second look


def hosts_in_reach(
    wanted: PacketFilter, sources: Iterable[Port], topology: Lookups
) -> frozenset[int]:
    """Number the hosts that the wanted packets should come to, and few others.

    Those are their sources, their receivers, and all hosts that carry the packets of the
    tenants at either end: with a way out of the cloud, or without any vNIC, unless all that
    these lead to is known to be other tenants'. Where that is few hosts, or no receiver is
    named, it is also every host with a vNIC of these tenants; where an end's tenant is not
    known, every host there is. A packet that goes elsewhere all the same is seen leaving, and
    not seen coming in: whoever judges must know that nobody looked there.
    """
    ports = tuple(sources)
    tenants = _tenants_of(wanted, ports, topology)
    if not tenants or "" in tenants:
        return frozenset(topology.host_by_number)
    carriers = {host for tenant in (*tenants, "") for host in topology.carriers.get(tenant, ())}
    ends = {port.host_number for port in (*ports, *_receivers(wanted, tenants, topology))}
    of_tenants = {
        port.host_number
        for tenant in tenants
        for port in topology.vnic_ports_by_tenant.get(tenant, ())
    }
    is_anywhere = wanted.dst_vm is None and (wanted.dst is None or wanted.dst.num_addresses > 1)
    if is_anywhere or len(of_tenants | ends) <= FEW:
        ends |= of_tenants
    return frozenset(ends | carriers)


def _receivers(wanted: PacketFilter, tenants: frozenset[str], topology: Lookups) -> Iterator[Port]:
    """Find the ports of the receiver, if one is named; none is known of an address outside."""
    if wanted.dst_vm is not None:
        yield from topology.vnic_ports_by_name.get(wanted.dst_vm, ())
    elif wanted.dst is not None and wanted.dst.num_addresses == 1:
        for tenant in tenants:
            for port in topology.vnic_ports_by_tenant.get(tenant, ()):
                if port.nic is not None and wanted.dst.network_address in port.nic.addresses:
                    yield port


def _tenants_of(wanted: PacketFilter, sources: Iterable[Port], topology: Lookups) -> frozenset[str]:
    """Name the tenants at both ends; "" among them where one is not known."""
    senders = {
        port.nic.tenant if port.nic else "" for port in sources if port.kind is PortKind.VNIC
    }
    return frozenset(senders | _receivers_tenants(wanted, senders, topology))


def _receivers_tenants(wanted: PacketFilter, senders: set[str], topology: Lookups) -> set[str]:
    """Name who may have the receiver; an address means its sender's own, if there is one."""
    if wanted.dst_vm is not None:
        return {nic.tenant for nic in topology.nics_by_name.get(wanted.dst_vm, ())}
    if wanted.dst is None or wanted.dst.num_addresses > 1:
        return set()
    address = wanted.dst.network_address
    own = {
        tenant
        for tenant in senders | {wanted.tenant or ""}
        for port in topology.vnic_ports_by_tenant.get(tenant, ())
        if port.nic is not None and address in port.nic.addresses
    }
    ports = () if own else topology.vnic_ports_by_address.get(address, ())
    return own or {port.nic.tenant for port in ports if port.nic is not None}
