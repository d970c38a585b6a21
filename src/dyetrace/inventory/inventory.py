"""All that a provider knows of its cloud, and how users find their endpoints in it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_address
from typing import TypeVar

from dyetrace.errors import AmbiguousEndpoint, UnknownEndpoint
from dyetrace.inventory.entries import HostEntry, NetworkEntry, NicEntry
from dyetrace.inventory.mac import as_mac
from dyetrace.model.packet import Address

K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class Inventory:
    """Tenants, networks, hosts and NICs; ids are unique, addresses and MACs within a network."""

    tenants: tuple[str, ...] = ()
    networks: tuple[NetworkEntry, ...] = ()
    hosts: tuple[HostEntry, ...] = ()
    nics: tuple[NicEntry, ...] = ()

    def find(self, name: str, *, tenant: str | None = None) -> tuple[NicEntry, ...]:
        """Give the NICs that a VM id, NIC id, MAC or address means; several only of one VM.

        With a tenant, others do not exist, nor do they show in errors. Raises
        UnknownEndpoint or AmbiguousEndpoint.
        """
        self._check_tenant(tenant)
        address, mac = _as_address(name), as_mac(name)
        if address is not None:
            found = self._by_address.get(address, ())
            what = "endpoint with address"
        elif mac is not None:
            found, what = self._by_mac.get(mac, ()), "NIC with MAC"
        else:
            found, what = self._by_name.get(name, ()), "VM or NIC"
        own = tuple(entry for entry in found if tenant in {None, entry.nic.tenant})
        if not own:
            raise UnknownEndpoint(what=what, name=name, known=self._names_like(what, tenant))
        _refuse_several_vms(name, own)
        return own

    def at(self, address: Address, *, network: str) -> NicEntry:
        """Give the NIC that has an address in a network; raises UnknownEndpoint."""
        if network not in self._network_by_name:
            raise UnknownEndpoint(what="network", name=network, known=self._network_by_name)
        for entry in self._by_address.get(address, ()):
            if entry.network == network:
                return entry
        known = (
            str(other)
            for entry in self.nics
            if entry.network == network
            for other in entry.nic.addresses
        )
        raise UnknownEndpoint(what=f"address in network {network}", name=str(address), known=known)

    def with_mac(self, mac: str) -> tuple[NicEntry, ...]:
        """Give all NICs with a MAC address, of whatever network."""
        return self._by_mac.get(mac, ())

    def with_address(self, address: Address) -> tuple[NicEntry, ...]:
        """Give all NICs with an address, of whatever network."""
        return self._by_address.get(address, ())

    def _check_tenant(self, tenant: str | None) -> None:
        if tenant is not None and tenant not in self.tenants:
            raise UnknownEndpoint(what="tenant", name=tenant, known=self.tenants)

    def _names_like(self, what: str, tenant: str | None) -> set[str]:
        nics = [entry.nic for entry in self.nics if tenant in {None, entry.nic.tenant}]
        if what == "endpoint with address":
            return {str(address) for nic in nics for address in nic.addresses}
        if what == "NIC with MAC":
            return {nic.mac for nic in nics if nic.mac}
        return {name for nic in nics for name in (nic.id, nic.vm)}

    @cached_property
    def _network_by_name(self) -> dict[str, NetworkEntry]:
        return {network.name: network for network in self.networks}

    @cached_property
    def _by_name(self) -> dict[str, tuple[NicEntry, ...]]:
        return _index((name, entry) for entry in self.nics for name in {entry.nic.vm, entry.nic.id})

    @cached_property
    def _by_mac(self) -> dict[str, tuple[NicEntry, ...]]:
        return _index((entry.nic.mac, entry) for entry in self.nics if entry.nic.mac)

    @cached_property
    def _by_address(self) -> dict[Address, tuple[NicEntry, ...]]:
        return _index((address, entry) for entry in self.nics for address in entry.nic.addresses)


def _index(pairs: Iterable[tuple[K, NicEntry]]) -> dict[K, tuple[NicEntry, ...]]:
    found: dict[K, list[NicEntry]] = defaultdict(list)
    for key, entry in pairs:
        found[key].append(entry)
    return {key: tuple(entries) for key, entries in found.items()}


def _refuse_several_vms(name: str, entries: tuple[NicEntry, ...]) -> None:
    if len({entry.nic.vm for entry in entries}) > 1:
        raise AmbiguousEndpoint(
            name=name,
            tenants={entry.nic.tenant for entry in entries},
            vms={entry.nic.vm for entry in entries},
        )


def _as_address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
