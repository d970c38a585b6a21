"""The inventory laid over what agents discovered: names come of the one, places of the other.

Where they contradict each other, both are told, and what is in doubt stays as discovered.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from dyetrace.inventory.entries import HostEntry, NicEntry
from dyetrace.inventory.inventory import Inventory
from dyetrace.inventory.overlay import named_port
from dyetrace.model.packet import Address
from dyetrace.model.topology import Host, Port, PortKey, PortKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """One contradiction between the inventory and what an agent saw."""

    subject: str
    text: str

    def __str__(self) -> str:
        """Write it as one line."""
        return f"inventory: {self.subject}: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """Hosts with the inventory's names, and what did not fit."""

    hosts: tuple[Host, ...]
    conflicts: tuple[Conflict, ...]
    unseen: tuple[NicEntry, ...]  # in the inventory, at no port that an agent found


def merge(inventory: Inventory, hosts: Iterable[Host]) -> Merged:
    """Name what was discovered, and say where file and hosts do not agree."""
    return _Merging(inventory, tuple(hosts)).merged()


class _Merging:
    def __init__(self, inventory: Inventory, hosts: tuple[Host, ...]) -> None:
        self._inventory = inventory
        self._hosts = hosts
        self._host_entries = {entry.name: entry for entry in inventory.hosts}
        self._by_place = {
            (entry.host, entry.namespace, entry.port): entry
            for entry in inventory.nics
            if entry.port
        }
        self._conflicts: list[Conflict] = []

    def merged(self) -> Merged:
        entries = self._entries_by_port()
        hosts = tuple(self._host(host, entries) for host in self._hosts)
        there = {host.name for host in self._hosts}
        for name in self._host_entries:
            if name not in there:
                self._say(f"host {name}", "has no agent that answers: it is not observed")
        seen = {entry.nic.id for entry in entries.values()}
        return Merged(
            hosts=hosts,
            conflicts=tuple(self._conflicts),
            unseen=tuple(entry for entry in self._inventory.nics if entry.nic.id not in seen),
        )

    def _entries_by_port(self) -> dict[PortKey, NicEntry]:
        """Decide which NIC is at which port; one that could be at several is at none."""
        claims: dict[str, list[tuple[Host, Port, NicEntry]]] = defaultdict(list)
        for host in self._hosts:
            for vfd in host.vfds:
                for port in vfd.ports:
                    entry = self._entry_at(host, vfd.netns_name, port)
                    if entry is not None:
                        claims[entry.nic.id].append((host, port, entry))
        found: dict[PortKey, NicEntry] = {}
        for nic_id, claimed in claims.items():
            if len(claimed) > 1:
                places = ", ".join(f"{port.name} on {host.name}" for host, port, _ in claimed)
                self._say(f"NIC {nic_id}", f"seen at {places}: none of them is given its name")
                continue
            ((host, port, entry),) = claimed
            self._compare(host, port, entry)
            found[port.key] = entry
        return found

    def _entry_at(self, host: Host, netns_name: str, port: Port) -> NicEntry | None:
        """Find the NIC at a port: by the place in the file, by MAC, or by addresses."""
        placed = self._by_place.get((host.name, netns_name, port.name))
        if placed is not None:
            return placed
        if port.kind is not PortKind.VNIC or port.nic is None:
            return None
        by_mac = self._inventory.with_mac(port.nic.mac) if port.nic.mac else ()
        by_address = tuple(
            entry
            for address in port.nic.addresses
            for entry in self._inventory.with_address(address)
        )
        candidates = _unique(by_mac) or _unique(by_address)
        for narrower in (_both(candidates, by_address), _on_host(candidates, host.name)):
            if len(candidates) > 1 and narrower:
                candidates = narrower
        # A NIC that the file puts at another port is there, or nowhere.
        candidates = tuple(entry for entry in candidates if not entry.port)
        if len(candidates) > 1:
            names = ", ".join(sorted(entry.nic.id for entry in candidates))
            self._say(
                f"port {port.name} on {host.name}",
                f"may be any of {names}: give the NICs their MACs, or host and port",
            )
            return None
        return candidates[0] if candidates else None

    def _compare(self, host: Host, port: Port, entry: NicEntry) -> None:
        """Say where a NIC's own facts differ."""
        subject, seen = f"NIC {entry.nic.id}", port.nic
        if entry.host and entry.host != host.name:
            self._say(subject, f"should be on {entry.host}, is seen on {host.name}")
        if seen is None:
            return
        if entry.nic.mac and seen.mac and entry.nic.mac != seen.mac:
            self._say(subject, f"should have MAC {entry.nic.mac}, {port.name} shows {seen.mac}")
        own = {address for address in seen.addresses if not address.is_link_local}
        strange = own - set(entry.nic.addresses)
        if entry.nic.addresses and strange:
            self._say(
                subject,
                f"should have {_listed(entry.nic.addresses)}, {host.name} saw {_listed(strange)}",
            )
        for address in strange:
            for other in self._inventory.with_address(address):
                if other.network == entry.network:
                    self._say(subject, f"uses {address}, which is {other.nic.id}'s")

    def _host(self, host: Host, entries: dict[PortKey, NicEntry]) -> Host:
        expected = self._host_entries.get(host.name)
        names = self._vfd_names(expected, host) if expected else {}
        if expected:
            self._compare_underlay(expected, host)
        return replace(
            host,
            vfds=tuple(
                replace(
                    vfd,
                    name=names.get(vfd.netns_name, vfd.name),
                    ports=tuple(
                        named_port(port, entries[port.key].nic) if port.key in entries else port
                        for port in vfd.ports
                    ),
                )
                for vfd in host.vfds
            ),
        )

    def _vfd_names(self, expected: HostEntry, host: Host) -> dict[str, str]:
        """Give VFDs the inventory's names, by namespace, and say where those differ."""
        found = {vfd.netns_name: vfd for vfd in host.vfds}
        for entry in expected.vfds:
            subject, vfd = f"VFD {entry.name} on {host.name}", found.get(entry.namespace)
            if vfd is None:
                self._say(subject, f"there is none in namespace {entry.namespace or '(own)'}")
            elif entry.kind is not None and entry.kind is not vfd.kind:
                self._say(subject, f"should be a {entry.kind}, is a {vfd.kind}")
        return {entry.namespace: entry.name for entry in expected.vfds}

    def _compare_underlay(self, expected: HostEntry, host: Host) -> None:
        seen = {address for vfd in host.vfds for address in vfd.addresses} | {
            address for vfd in host.vfds for port in vfd.ports for address in port.addresses
        }
        lacking = set(expected.underlay) - seen
        if lacking and seen:
            self._say(f"host {host.name}", f"should have {_listed(lacking)}, has {_listed(seen)}")

    def _say(self, subject: str, text: str) -> None:
        self._conflicts.append(Conflict(subject=subject, text=text))


def _unique(entries: Iterable[NicEntry]) -> tuple[NicEntry, ...]:
    return tuple({entry.nic.id: entry for entry in entries}.values())


def _both(one: Iterable[NicEntry], other: Iterable[NicEntry]) -> tuple[NicEntry, ...]:
    ids = {entry.nic.id for entry in other}
    return tuple(entry for entry in one if entry.nic.id in ids)


def _on_host(entries: Iterable[NicEntry], host: str) -> tuple[NicEntry, ...]:
    return tuple(entry for entry in entries if entry.host == host)


def _listed(addresses: Iterable[Address]) -> str:
    return ", ".join(sorted(map(str, addresses)))
