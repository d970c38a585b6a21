"""The cloud's devices: hosts, VFDs, their ports, and the vNICs behind them."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import TypeVar
from zlib import crc32

from dyetrace.model.packet import Address

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

PortKey = tuple[int, int, int]
"""(host number, network namespace, ifindex): where a record was made."""

VfdKey = tuple[int, int]
"""(host number, network namespace): one VFD."""


class PortKind(StrEnum):
    """What is on the other side of a VFD's edge port."""

    VNIC = "vnic"  # a VM, container or other endpoint
    LINK = "link"  # another VFD on the same host
    UPLINK = "uplink"  # the underlay: other hosts
    EXTERNAL = "external"  # outside the cloud: the Internet, a customer's site

    @property
    def is_edge_of_cloud(self) -> bool:
        """Whether packets enter and leave the cloud here, so colors start and end here."""
        return self in {PortKind.VNIC, PortKind.EXTERNAL}


@dataclass(frozen=True, slots=True, kw_only=True)
class Nic:
    """A network card of an endpoint, as the inventory or the host knows it."""

    id: str
    vm: str
    tenant: str = ""
    mac: str = ""
    addresses: tuple[Address, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """What users may call it: by its VM, its own id, or its MAC address."""
        return frozenset(filter(None, (self.vm, self.id, self.mac)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A VFD's edge port: where packets pass between it and something else."""

    host_number: int
    netns: int  # inode number of the network namespace
    ifindex: int
    name: str
    kind: PortKind
    mac: str = ""
    has_link_layer: bool = True  # False: packets begin with their IP header (tun, ipip)
    is_reversed: bool = False  # macvtap: what the VM sends leaves the kernel device
    peer: tuple[int, int] | None = None  # LINK: (netns, ifindex) of the other VFD's port
    addresses: tuple[Address, ...] = ()  # the port's own, e.g. the VTEP's on an uplink
    nic: Nic | None = None  # VNIC: what is behind it, where known

    @property
    def key(self) -> PortKey:
        """Where records of this port say they come from."""
        return (self.host_number, self.netns, self.ifindex)

    @property
    def vfd_key(self) -> VfdKey:
        """The VFD this is a port of."""
        return (self.host_number, self.netns)


class VfdKind(StrEnum):
    """What a VFD does with packets."""

    VSWITCH = "vswitch"  # forwards frames by MAC address
    VROUTER = "vrouter"  # forwards packets by IP address
    GATEWAY = "gateway"  # a vRouter with a port to the outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Vfd:
    """A virtual forwarding device: on Linux, a network namespace that forwards."""

    host_number: int
    netns: int
    name: str
    netns_name: str  # as `ip netns` names it; empty for the host's own
    kind: VfdKind
    ports: tuple[Port, ...] = ()
    addresses: tuple[Address, ...] = ()  # all its own, on whatever device
    tenants: tuple[str, ...] = ()  # whose packets it forwards; empty: anybody's

    def serves(self, tenant: str | None) -> bool:
        """Whether it may forward a tenant's packets; None: somebody's."""
        return not self.tenants or tenant is None or tenant in self.tenants

    @property
    def leads_on(self) -> bool:
        """Whether it is more than the switch that other VFDs are at."""
        is_switch = self.kind is VfdKind.VSWITCH
        return not is_switch or any(port.kind is PortKind.EXTERNAL for port in self.ports)

    @property
    def key(self) -> VfdKey:
        """Which VFD a record of this namespace belongs to."""
        return (self.host_number, self.netns)


def host_number(name: str) -> int:
    """Number a host by its name, so that all who know that agree on it."""
    return crc32(name.encode()) or 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A machine, or a lab's namespaces, with an agent."""

    number: int  # given by the controller; records carry it
    name: str
    vfds: tuple[Vfd, ...] = ()

    @property
    def ports(self) -> Iterator[Port]:
        """Every edge port of its VFDs."""
        return (port for vfd in self.vfds for port in vfd.ports)

    @property
    def carries(self) -> frozenset[str]:
        """The tenants whose packets come through without having an end here; "": anybody's do.

        So it is where a VFD leads outside, or no vNIC is. A vSwitch only leads to the VFDs that
        do; where these say whose they are, nobody else's packets come.
        """
        kinds = {port.kind for port in self.ports}
        if not self.vfds or (PortKind.VNIC in kinds and PortKind.EXTERNAL not in kinds):
            return frozenset()
        leading = [vfd for vfd in self.vfds if vfd.leads_on]
        if not leading or not all(vfd.tenants for vfd in leading):
            return frozenset({""})
        return frozenset(tenant for vfd in leading for tenant in vfd.tenants)


@dataclass(frozen=True)
class Topology:
    """Hosts, with look-ups by what records carry and users say."""

    hosts: tuple[Host, ...] = ()
    nics: tuple[Nic, ...] = field(default=())  # inventory's, whether or not a port is known
    is_whole: bool = True  # False: the cloud has hosts beyond these

    @cached_property
    def host_by_number(self) -> dict[int, Host]:
        """Hosts by the number in their records."""
        return {host.number: host for host in self.hosts}

    @cached_property
    def vfd_by_key(self) -> dict[VfdKey, Vfd]:
        """VFDs by host number and namespace."""
        return {vfd.key: vfd for host in self.hosts for vfd in host.vfds}

    @cached_property
    def ports(self) -> tuple[Port, ...]:
        """Every edge port there is."""
        return tuple(port for vfd in self.vfd_by_key.values() for port in vfd.ports)

    @cached_property
    def port_by_key(self) -> dict[PortKey, Port]:
        """Ports by where their records say they come from."""
        return {port.key: port for port in self.ports}

    @cached_property
    def hosts_by_underlay_address(self) -> dict[Address, int]:
        """Host numbers by the addresses of their uplinks: where encapsulated packets go."""
        return {address: port.host_number for port in self.uplinks for address in port.addresses}

    @cached_property
    def vnic_ports_by_address(self) -> dict[Address, tuple[Port, ...]]:
        """VNIC ports by endpoint address; several where tenants' addresses overlap."""
        return grouped(
            (address, port)
            for port in self.ports
            for address in (port.nic.addresses if port.nic is not None else ())
        )

    @cached_property
    def all_nics(self) -> tuple[Nic, ...]:
        """The inventory's NICs and those behind ports; one that is both is there twice."""
        return (*self.nics, *(port.nic for port in self.ports if port.nic is not None))

    @cached_property
    def nics_by_name(self) -> dict[str, tuple[Nic, ...]]:
        """NICs by all that users may call them."""
        return grouped((name, nic) for nic in self.all_nics for name in nic.names)

    @cached_property
    def vnic_ports(self) -> tuple[Port, ...]:
        """VNIC ports, whoever is behind them."""
        return tuple(port for port in self.ports if port.kind is PortKind.VNIC)

    @cached_property
    def external_ports(self) -> tuple[Port, ...]:
        """Ports to the outside."""
        return tuple(port for port in self.ports if port.kind is PortKind.EXTERNAL)

    @cached_property
    def vnic_ports_by_name(self) -> dict[str, tuple[Port, ...]]:
        """VNIC ports by all that users may call what is behind them."""
        return grouped(
            (name, port)
            for port in self.ports
            for name in (port.nic.names if port.nic is not None else ())
        )

    @cached_property
    def vnic_ports_by_tenant(self) -> dict[str, tuple[Port, ...]]:
        """VNIC ports by tenant; of nobody that is known: under ""."""
        return grouped((port.nic.tenant if port.nic else "", port) for port in self.vnic_ports)

    @cached_property
    def uplinks(self) -> tuple[Port, ...]:
        """Ports to other hosts."""
        return tuple(port for port in self.ports if port.kind is PortKind.UPLINK)

    @cached_property
    def has_unknown_addresses(self) -> bool:
        """Whether there is a NIC of which nobody knows the addresses, as of a tap's VM."""
        return any(not nic.addresses for nic in self.all_nics)

    @cached_property
    def tenants(self) -> frozenset[str]:
        """All tenants that are known."""
        return frozenset(nic.tenant for nic in self.all_nics if nic.tenant)

    @cached_property
    def nics_by_address(self) -> dict[Address, tuple[Nic, ...]]:
        """NICs by address; several where tenants' addresses overlap."""
        return grouped((address, nic) for nic in self.all_nics for address in nic.addresses)

    @cached_property
    def own_addresses(self) -> frozenset[Address]:
        """All addresses that VFDs have themselves."""
        return frozenset(address for vfd in self.vfd_by_key.values() for address in vfd.addresses)

    @cached_property
    def leads_outside(self) -> bool:
        """Whether addresses that nobody has here may be somewhere else."""
        return bool(self.external_ports) or (bool(self.uplinks) and not self.nics)

    @cached_property
    def carriers(self) -> dict[str, tuple[int, ...]]:
        """Numbers of hosts that carry others' packets, by tenant; anybody's under ""."""
        return grouped((tenant, host.number) for host in self.hosts for tenant in host.carries)

    def external_ports_for(self, tenant: str | None) -> tuple[Port, ...]:
        """Ports to the outside by which a tenant's packets may come; None: anybody's."""
        return tuple(
            port for port in self.external_ports if self.vfd_by_key[port.vfd_key].serves(tenant)
        )

    def is_anothers(self, address: Address, tenant: str) -> bool:
        """Whether somebody else than a tenant has an address, too."""
        return any(nic.tenant != tenant for nic in self.nics_by_address.get(address, ()))

    def around(self, tenant: str) -> "Topology":
        """Leave the hosts that a tenant has vNICs on, and those that carry its packets."""
        near = {port.host_number for port in self.vnic_ports_by_tenant.get(tenant, ())}
        near |= {*self.carriers.get(tenant, ()), *self.carriers.get("", ())}
        return replace(
            self,
            hosts=tuple(host for host in self.hosts if host.number in near),
            nics=tuple(nic for nic in self.nics if nic.tenant == tenant),
        )

    def host_name(self, number: int) -> str:
        """Name a host, also one that is not (any longer) known."""
        host = self.host_by_number.get(number)
        return host.name if host else f"host-{number}"


def grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, tuple[V, ...]]:
    """Put values of the same key together."""
    found: defaultdict[K, list[V]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return {key: tuple(values) for key, values in found.items()}
