"""All that is known of a cloud, indexed for planning, and kept as its hosts change.

A topology is what a task goes by, and stays as it is; this is what topologies are cut from.
To take in a host, and to plan a task, take as long as that host and the task's hosts are
large, however many others there are.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from dyetrace.model.packet import Address
from dyetrace.model.topology import Host, Nic, Port, PortKind, Topology
from dyetrace.planning.shares import K, Shares

INVENTORYS = 0  # NICs of the inventory are of no host; hosts' numbers are positive


class Atlas:
    """Look-ups as a topology of all hosts has them."""

    def __init__(self, nics: Iterable[Nic] = ()) -> None:
        """Begin with the inventory's NICs, and no host."""
        self.host_by_number: dict[int, Host] = {}
        self.hosts_by_underlay_address: dict[Address, int] = {}
        self.vnic_ports_by_name: Shares[str, Port] = Shares()
        self.vnic_ports_by_address: Shares[Address, Port] = Shares()
        self.vnic_ports_by_tenant: Shares[str, Port] = Shares()
        self.own_addresses: Shares[Address, None] = Shares()
        self.tenants: Shares[str, None] = Shares()
        self._carriers: Shares[str, int] = Shares()
        self._external: Shares[str, Port] = Shares()  # by tenant of their VFD; "": anybody's
        self._nics = tuple(nics)
        self._by_name: Shares[str, Nic] = Shares()
        self._by_address: Shares[Address, Nic] = Shares()
        self._by_tenant: Shares[str, Nic] = Shares()
        self._by_name.put(INVENTORYS, ((name, nic) for nic in self._nics for name in nic.names))
        self._by_address.put(
            INVENTORYS, ((address, nic) for nic in self._nics for address in nic.addresses)
        )
        self._by_tenant.put(INVENTORYS, ((nic.tenant, nic) for nic in self._nics))
        self.tenants.put(INVENTORYS, _tenants(self._nics))
        self._without_addresses = {INVENTORYS} if _some_lack_addresses(self._nics) else set[int]()
        self._with_uplinks: set[int] = set()
        self.vfds = 0

    def put(self, host: Host) -> None:
        """Take in a host as it is now."""
        self.remove(host.number)
        self.host_by_number[host.number] = host
        self._index(host)

    def remove(self, number: int) -> None:
        """Forget a host."""
        before = self.host_by_number.pop(number, None)
        if before is not None:
            self._forget_uplinks(before)
            self.vfds -= len(before.vfds)
            self._index(Host(number=number, name=""))

    def topology(self, hosts: Iterable[int]) -> Topology:
        """Cut out these hosts, as they are now."""
        chosen = {number: self.host_by_number[number] for number in hosts if number in self}
        return Topology(
            hosts=tuple(chosen[number] for number in sorted(chosen)),
            is_whole=len(chosen) == len(self.host_by_number),
        )

    def is_anothers(self, address: Address, tenant: str) -> bool:
        """Whether somebody else than a tenant has an address, too."""
        behind = (port.nic for port in self.vnic_ports_by_address.each(address))
        nics = chain(self._by_address.each(address), behind)
        return any(nic is not None and nic.tenant != tenant for nic in nics)

    def around(self, tenant: str) -> Topology:
        """Cut out the hosts that a tenant has vNICs on, and those that carry its packets."""
        near = {port.host_number for port in self.vnic_ports_by_tenant.get(tenant, ())}
        near |= {*self.carriers.get(tenant, ()), *self.carriers.get("", ())}
        return Topology(
            hosts=tuple(self.host_by_number[number] for number in sorted(near)),
            nics=self._by_tenant.get(tenant, ()),
        )

    def external_ports_for(self, tenant: str | None) -> tuple[Port, ...]:
        """Ports to the outside by which a tenant's packets may come; None: anybody's."""
        if tenant is not None:
            return (*self._external.get(tenant, ()), *self._external.get("", ()))
        every = {port.key: port for ports in self._external.values() for port in ports}
        return tuple(every.values())

    @property
    def nics_by_name(self) -> Mapping[str, tuple[Nic, ...]]:
        """NICs by all that users may call them."""
        return _WithPorts(self._by_name, self.vnic_ports_by_name)

    @property
    def nics_by_address(self) -> Mapping[Address, tuple[Nic, ...]]:
        """NICs by address."""
        return _WithPorts(self._by_address, self.vnic_ports_by_address)

    @property
    def vnic_ports(self) -> tuple[Port, ...]:
        """VNIC ports, whoever is behind them: all there are."""
        return tuple(port for ports in self.vnic_ports_by_tenant.values() for port in ports)

    @property
    def carriers(self) -> Mapping[str, tuple[int, ...]]:
        """Numbers of hosts that carry others' packets, by tenant; anybody's under ""."""
        return self._carriers

    @property
    def has_unknown_addresses(self) -> bool:
        """Whether there is a NIC of which nobody knows the addresses."""
        return bool(self._without_addresses)

    @property
    def leads_outside(self) -> bool:
        """Whether addresses that nobody has here may be somewhere else."""
        return bool(self._external) or (bool(self._with_uplinks) and not self._nics)

    def __contains__(self, number: int) -> bool:
        """Whether a host is known."""
        return number in self.host_by_number

    def _index(self, host: Host) -> None:
        ports, number = tuple(host.ports), host.number
        vnics = [port for port in ports if port.kind is PortKind.VNIC]
        behind = [(port, port.nic) for port in ports if port.nic is not None]
        self.vnic_ports_by_name.put(
            number, ((name, port) for port, nic in behind for name in nic.names)
        )
        self.vnic_ports_by_address.put(
            number, ((address, port) for port, nic in behind for address in nic.addresses)
        )
        self.vnic_ports_by_tenant.put(
            number, ((port.nic.tenant if port.nic else "", port) for port in vnics)
        )
        self.own_addresses.put(
            number, ((address, None) for vfd in host.vfds for address in vfd.addresses)
        )
        self.tenants.put(number, _tenants(nic for _, nic in behind))
        self._carriers.put(number, ((tenant, number) for tenant in host.carries))
        self._external.put(number, _external(host))
        uplinks = [port for port in ports if port.kind is PortKind.UPLINK]
        for port in uplinks:
            self.hosts_by_underlay_address |= dict.fromkeys(port.addresses, number)
        self._mark(self._with_uplinks, number, is_so=bool(uplinks))
        lacks = _some_lack_addresses(nic for _, nic in behind)
        self._mark(self._without_addresses, number, is_so=lacks)
        self.vfds += len(host.vfds)

    def _forget_uplinks(self, host: Host) -> None:
        for port in host.ports:
            for address in port.addresses if port.kind is PortKind.UPLINK else ():
                if self.hosts_by_underlay_address.get(address) == host.number:
                    del self.hosts_by_underlay_address[address]

    @staticmethod
    def _mark(marked: set[int], number: int, *, is_so: bool) -> None:
        if is_so:
            marked.add(number)
        else:
            marked.discard(number)


class _WithPorts(Mapping[K, tuple[Nic, ...]]):
    """The inventory's NICs, and those behind ports; one that is both is there twice."""

    def __init__(self, nics: Shares[K, Nic], ports: Shares[K, Port]) -> None:
        self._nics, self._ports = nics, ports

    def __getitem__(self, key: K) -> tuple[Nic, ...]:
        if key not in self._nics and key not in self._ports:
            raise KeyError(key)
        behind = (port.nic for port in self._ports.get(key, ()) if port.nic is not None)
        return (*self._nics.get(key, ()), *behind)

    def __contains__(self, key: object) -> bool:
        return key in self._nics or key in self._ports

    def __iter__(self) -> Iterator[K]:
        yield from self._nics
        yield from (key for key in self._ports if key not in self._nics)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _some_lack_addresses(nics: Iterable[Nic]) -> bool:
    return any(not nic.addresses for nic in nics)


def _tenants(nics: Iterable[Nic]) -> Iterator[tuple[str, None]]:
    return ((tenant, None) for tenant in {nic.tenant for nic in nics} if tenant)


def _external(host: Host) -> Iterator[tuple[str, Port]]:
    for vfd in host.vfds:
        for port in vfd.ports:
            if port.kind is PortKind.EXTERNAL:
                yield from ((tenant, port) for tenant in vfd.tenants or ("",))
