"""The inventory laid over what agents discovered: names come of the one, places of the other.

Where they contradict each other, both are told, and what is in doubt stays as discovered.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
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
    merging, named = Merging(inventory), dict[str, Host]()
    for host in hosts:
        named |= {each.name: each for each in merging.put(host)}
    return Merged(hosts=tuple(named.values()), conflicts=merging.conflicts, unseen=merging.unseen)


@dataclass(slots=True)
class _Found:
    """One host as discovered, and which NIC may be at which of its ports."""

    host: Host
    claims: Mapping[PortKey, tuple[Port, NicEntry]]
    conflicts: list[Conflict]  # on the way to these claims
    told: tuple[Conflict, ...] = ()  # by what was made of them


class Merging:
    """An inventory laid over hosts, each of which may look otherwise at any time.

    A host that comes anew is looked at alone, with those others that claim the same NICs.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Begin without any host."""
        self._inventory = inventory
        self._host_entries = {entry.name: entry for entry in inventory.hosts}
        self._by_place = {
            (entry.host, entry.namespace, entry.port): entry
            for entry in inventory.nics
            if entry.port
        }
        self._found: dict[str, _Found] = {}
        self._contradicted: dict[str, None] = {}  # hosts that there is something to say of
        self._absent = dict.fromkeys(self._host_entries)
        self._places: dict[str, dict[PortKey, str]] = defaultdict(dict)  # hosts, by NIC's id
        self._conflicts: list[Conflict] = []  # of what is looked at

    def put(self, host: Host) -> tuple[Host, ...]:
        """Take in a host as it is; gives it, and what else looks otherwise now, with its names."""
        concerned = self.remove(host.name)
        self._absent.pop(host.name, None)
        self._conflicts = []
        claims = dict(self._claims_of(host)) if self._inventory.nics else {}
        self._found[host.name] = _Found(host, claims, self._conflicts)
        for key, (_, entry) in claims.items():
            others = self._places[entry.nic.id]
            concerned |= set(others.values())
            others[key] = host.name
        return tuple(self.named(name) for name in (host.name, *sorted(concerned - {host.name})))

    def remove(self, name: str) -> set[str]:
        """Forget a host; names others that may look otherwise now."""
        before = self._found.pop(name, None)
        self._contradicted.pop(name, None)
        if name in self._host_entries:
            self._absent[name] = None
        concerned = set[str]()
        for key, (_, entry) in before.claims.items() if before else ():
            others = self._places[entry.nic.id]
            del others[key]
            concerned |= set(others.values())
            if not others:
                del self._places[entry.nic.id]
        return concerned - {name}

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """All contradictions there are."""
        found = (self._found[name] for name in self._contradicted)
        told = [conflict for each in found for conflict in (*each.conflicts, *each.told)]
        absent = (
            Conflict(subject=f"host {name}", text="has no agent that answers: it is not observed")
            for name in self._absent
        )
        return (*dict.fromkeys(told), *absent)

    @property
    def unseen(self) -> tuple[NicEntry, ...]:
        """What is in the inventory, at no port that an agent found."""
        seen = {nic for nic, places in self._places.items() if len(places) == 1}
        return tuple(entry for entry in self._inventory.nics if entry.nic.id not in seen)

    def _claims_of(self, host: Host) -> Iterable[tuple[PortKey, tuple[Port, NicEntry]]]:
        for vfd in host.vfds:
            for port in vfd.ports:
                entry = self._entry_at(host, vfd.netns_name, port)
                if entry is not None:
                    yield port.key, (port, entry)

    def named(self, name: str) -> Host:
        """Give a host with its names; a NIC that may be at several ports is at none."""
        found, self._conflicts = self._found[name], []
        entries: dict[PortKey, NicEntry] = {}
        for key, (port, entry) in found.claims.items():
            if len(self._places[entry.nic.id]) > 1:
                self._say_several(entry)
                continue
            self._compare(found.host, port, entry)
            entries[key] = entry
        named = self._host(found.host, entries)
        found.told = tuple(self._conflicts)
        if found.told or found.conflicts:
            self._contradicted[name] = None
        else:
            self._contradicted.pop(name, None)
        return named

    def _say_several(self, entry: NicEntry) -> None:
        places = self._places[entry.nic.id]
        claimed = (
            f"{self._found[name].claims[key][0].name} on {name}"
            for name, key in sorted((name, key) for key, name in places.items())
        )
        text = f"seen at {', '.join(claimed)}: none of them is given its name"
        self._say(f"NIC {entry.nic.id}", text)

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
        if expected is None and not entries:
            return host
        tenants = {vfd.namespace: vfd.tenants for vfd in expected.vfds} if expected else {}
        names = self._vfd_names(expected, host) if expected else {}
        if expected:
            self._compare_underlay(expected, host)
        return replace(
            host,
            vfds=tuple(
                replace(
                    vfd,
                    name=names.get(vfd.netns_name, vfd.name),
                    tenants=tenants.get(vfd.netns_name) or vfd.tenants,
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
