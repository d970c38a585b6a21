"""Which hosts a task's packets can come to: only there it is logged."""

from collections.abc import Iterable

from dyetrace.model.filter import PacketFilter
from dyetrace.model.topology import Port, PortKind, Topology


def hosts_in_reach(
    wanted: PacketFilter, sources: Iterable[Port], topology: Topology
) -> frozenset[int]:
    """Number the hosts that have to do with the tenants at either end of the wanted packets.

    Those are their sources, the hosts with a vNIC of these tenants, and all hosts that carry
    others' packets: with a way out of the cloud, or without any vNIC. Where an end's tenant is
    not known, that is every host. A packet that goes elsewhere all the same is seen leaving,
    and not seen coming in: whoever judges must know that nobody looked there.
    """
    ports = tuple(sources)
    tenants = _tenants_of(wanted, ports, topology)
    if not tenants or "" in tenants:
        return frozenset(topology.host_by_number)
    return frozenset(
        {port.host_number for port in ports}
        | {
            port.host_number
            for tenant in tenants
            for port in topology.vnic_ports_by_tenant.get(tenant, ())
        }
        | topology.carriers
    )


def _tenants_of(
    wanted: PacketFilter, sources: Iterable[Port], topology: Topology
) -> frozenset[str]:
    """Name the tenants at both ends; "" among them where one is not known."""
    senders = {
        port.nic.tenant if port.nic else "" for port in sources if port.kind is PortKind.VNIC
    }
    return frozenset(senders | _receivers_tenants(wanted, senders, topology))


def _receivers_tenants(wanted: PacketFilter, senders: set[str], topology: Topology) -> set[str]:
    """Name who may have the receiver; an address means its sender's own, if there is one."""
    if wanted.dst_vm is not None:
        return {nic.tenant for nic in topology.nics_by_name.get(wanted.dst_vm, ())}
    if wanted.dst is None or wanted.dst.num_addresses > 1:
        return set()
    ports = topology.vnic_ports_by_address.get(wanted.dst.network_address, ())
    owners = {port.nic.tenant for port in ports if port.nic is not None}
    return owners & (senders | {wanted.tenant or ""}) or owners
