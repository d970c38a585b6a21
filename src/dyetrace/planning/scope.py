"""What a tenant may trace: its own packets, and only its own names exist for it."""

from collections.abc import Iterable
from dataclasses import replace

from dyetrace.errors import NoSource, UnknownEndpoint
from dyetrace.model.filter import PacketFilter
from dyetrace.model.topology import Nic, Port, PortKind, Topology
from dyetrace.planning.lookups import Lookups
from dyetrace.planning.sources import resolved_filters


def own_filter(wanted: PacketFilter, tenant: str) -> PacketFilter:
    """Read a tenant's filter as one of its own; raises UnknownEndpoint for any other tenant."""
    if wanted.tenant not in {None, tenant}:
        raise UnknownEndpoint(what="tenant", name=str(wanted.tenant), known=(tenant,))
    return replace(wanted, tenant=tenant)


def own_topology(topology: Lookups, tenant: str) -> Topology:
    """Leave a tenant the names and vNICs that are its own; raises NoSource if it has none."""

    def is_own(nic: Nic | None) -> bool:
        return nic is not None and nic.tenant == tenant

    around = topology.around(tenant)
    own = Topology(
        hosts=tuple(
            replace(
                host,
                vfds=tuple(
                    replace(
                        vfd,
                        addresses=(),  # of another tenant's vRouter, perhaps
                        ports=tuple(
                            port
                            for port in vfd.ports
                            if port.kind is not PortKind.VNIC or is_own(port.nic)
                        ),
                    )
                    for vfd in host.vfds
                ),
            )
            for host in around.hosts
        ),
        nics=around.nics,
    )
    if not own.all_nics:
        raise NoSource(f"tenant {tenant} has no vNIC in this cloud that is known")
    return own


def own_sources(
    found: Iterable[Port], wanted: PacketFilter, *, own: Topology, topology: Lookups
) -> tuple[Port, ...]:
    """Leave out the ways in from outside, unless what comes in there is surely the tenant's.

    Raises NoSource where nothing is left.
    """
    ports = tuple(found)
    is_from_outside = any(port.kind is PortKind.EXTERNAL for port in ports)
    if is_from_outside and not _goes_to_own(wanted, str(wanted.tenant), own, topology):
        ports = tuple(port for port in ports if port.kind is not PortKind.EXTERNAL)
    if not ports:
        raise NoSource(
            "these packets come from none of your vNICs, nor from outside to an address that is "
            "yours alone: name one end that is yours"
        )
    return ports


def _goes_to_own(wanted: PacketFilter, tenant: str, own: Topology, topology: Lookups) -> bool:
    """Whether packets of the filter that come in from outside can be nobody else's.

    Where tenants' addresses overlap, a packet at the gateway's outer port may be either's.
    """
    if wanted.dst is None:
        if wanted.dst_vm not in own.nics_by_name:
            return False
        filters = resolved_filters(replace(wanted, src_vm=None, nic=None), own)
        prefixes = [one.dst for one in filters if one.dst is not None]
    else:
        prefixes = [wanted.dst]
    return all(
        prefix.num_addresses == 1
        and prefix.network_address in own.nics_by_address
        and not topology.is_anothers(prefix.network_address, tenant)
        for prefix in prefixes
    )
