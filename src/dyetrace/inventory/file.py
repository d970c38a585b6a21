"""An inventory written by hand or by a script, as a YAML file: docs/howto/inventory.md."""

from collections.abc import Callable, Collection, Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TypeVar

from dyetrace.errors import DyetraceError
from dyetrace.inventory.cursor import Cursor, Problem, Wrong, each, open_yaml
from dyetrace.inventory.entries import HostEntry, NetworkEntry, NicEntry, VfdEntry
from dyetrace.inventory.inventory import Inventory
from dyetrace.inventory.mac import as_mac
from dyetrace.model.topology import Nic, VfdKind

T = TypeVar("T")
VERSION = "1"
MAX_VNI = 2**24 - 1
SHOWN = 20
VM_ID, NIC_ID = "VM id", "NIC id"

AN_ADDRESS = "an address without a prefix length, such as 10.0.1.11 or fd00::11"
A_PREFIX = "a prefix whose host bits are zero, such as 10.0.1.0/24 or fd00::/64"
A_MAC = "six pairs of hexadecimal digits, such as 52:54:00:12:34:56"
A_VNI = f"a number in 0..{MAX_VNI}"
A_KIND = ", ".join(VfdKind)


class BadInventory(DyetraceError):
    """An inventory file says what cannot be so; nothing of it is used."""

    def __init__(self, *, path: Path, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        lines = [f"{path}: {problem}" for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"and {len(self.problems) - SHOWN} more")
        super().__init__("\n".join(lines))


def load_inventory(path: Path) -> Inventory:
    """Read an inventory file; raises BadInventory with all that is wrong and where."""
    try:
        return _Reading(open_yaml(path.read_bytes())).inventory()
    except Wrong as wrong:
        raise BadInventory(path=path, problems=[wrong.problem]) from wrong
    except _Several as several:
        raise BadInventory(path=path, problems=several.problems) from several
    except OSError as error:
        said = f"cannot be read ({error.strerror}): see its name and permissions"
        raise BadInventory(path=path, problems=[Problem(line=0, path="", text=said)]) from error


class _Several(Exception):
    """Several problems of one section."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(len(problems))
        self.problems = problems


class _Reading:
    """One file being read: what it has named so far, and where."""

    def __init__(self, top: Cursor) -> None:
        self._fields = top.fields(
            required=("version",), optional=("tenants", "networks", "hosts", "vms")
        )
        self._lines: dict[tuple[str, object], int] = {}
        self._tenants: Collection[str] = ()
        self._networks: dict[str, NetworkEntry] = {}
        self._hosts: Collection[str] = ()

    def inventory(self) -> Inventory:
        """Read section by section: later ones name what earlier ones declare."""
        version = self._fields["version"]
        if version.text() != VERSION:
            raise version.wrong(f"this dyetrace reads version {VERSION}: write that, or upgrade")
        tenants = self._section("tenants", self._tenant)
        self._tenants = frozenset(tenants)
        networks = self._section("networks", self._network)
        self._networks = {network.name: network for network in networks}
        hosts = self._section("hosts", self._host)
        self._hosts = frozenset(host.name for host in hosts)
        vms = self._section("vms", self._vm)
        return Inventory(
            tenants=tenants,
            networks=networks,
            hosts=hosts,
            nics=tuple(entry for entries in vms for entry in entries),
        )

    def _section(self, name: str, read: Callable[[Cursor], T]) -> tuple[T, ...]:
        if name not in self._fields:
            return ()
        problems: list[Problem] = []
        good = each(self._fields[name].items(), read, problems)
        if problems:
            raise _Several(problems)
        return tuple(good)

    def _tenant(self, item: Cursor) -> str:
        name = item.fields(required=("name",))["name"]
        return self._once("tenant", name, name.text())

    def _network(self, item: Cursor) -> NetworkEntry:
        fields = item.fields(required=("name", "tenant"), optional=("vni", "prefixes"))
        vni = fields.get("vni")
        return NetworkEntry(
            name=self._once("network", fields["name"], fields["name"].text()),
            tenant=_one_of(fields["tenant"], self._tenants, "tenants"),
            vni=self._once("VNI", vni, vni.parsed(_vni, A_VNI)) if vni else None,
            prefixes=tuple(
                prefix.parsed(ip_network, A_PREFIX) for prefix in _list(fields, "prefixes")
            ),
        )

    def _host(self, item: Cursor) -> HostEntry:
        fields = item.fields(required=("name",), optional=("underlay", "vfds"))
        name = self._once("host", fields["name"], fields["name"].text())
        return HostEntry(
            name=name,
            underlay=tuple(
                self._once("underlay address", item, item.parsed(ip_address, AN_ADDRESS))
                for item in _list(fields, "underlay")
            ),
            vfds=tuple(self._vfd(item, name) for item in _list(fields, "vfds")),
        )

    def _vfd(self, item: Cursor, host: str) -> VfdEntry:
        fields = item.fields(required=("name",), optional=("namespace", "kind", "tenants"))
        namespace = fields["namespace"].text() if "namespace" in fields else ""
        self._once("namespace of this host", item, (host, namespace))
        return VfdEntry(
            name=fields["name"].text(),
            namespace=namespace,
            kind=fields["kind"].parsed(VfdKind, A_KIND) if "kind" in fields else None,
            tenants=tuple(
                _one_of(tenant, self._tenants, "tenants") for tenant in _list(fields, "tenants")
            ),
        )

    def _vm(self, item: Cursor) -> list[NicEntry]:
        fields = item.fields(required=("id", "nics"), optional=("tenant",))
        vm = self._id(VM_ID, fields["id"])
        tenant = _one_of(fields["tenant"], self._tenants, "tenants") if "tenant" in fields else ""
        return [self._nic(nic, vm, tenant) for nic in fields["nics"].items()]

    def _nic(self, item: Cursor, vm: str, tenant: str) -> NicEntry:
        fields = item.fields(
            required=("id",),
            optional=("mac", "addresses", "network", "host", "namespace", "port"),
        )
        network = self._network_of(fields["network"], tenant) if "network" in fields else None
        scope = network.name if network else ""
        mac = fields["mac"].parsed(_mac, A_MAC) if "mac" in fields else ""
        if mac:
            self._once("MAC in this network", fields["mac"], (scope, mac))
        addresses = []
        for cursor in _list(fields, "addresses"):
            address = cursor.parsed(ip_address, AN_ADDRESS)
            self._once("address in this network", cursor, (scope, address))
            if network and network.prefixes and not any(address in p for p in network.prefixes):
                prefixes = ", ".join(map(str, network.prefixes))
                raise cursor.wrong(f"{address} is not in {network.name} ({prefixes}): change one")
            addresses.append(address)
        return NicEntry(
            nic=Nic(
                id=self._id(NIC_ID, fields["id"], own=vm),
                vm=vm,
                tenant=tenant or (network.tenant if network else ""),
                mac=mac,
                addresses=tuple(addresses),
            ),
            network=scope,
            **self._place(item, fields),
        )

    def _network_of(self, cursor: Cursor, tenant: str) -> NetworkEntry:
        network = self._networks[_one_of(cursor, self._networks, "networks")]
        if tenant and network.tenant != tenant:
            raise cursor.wrong(f"{network.name} is of tenant {network.tenant}, the VM of {tenant}")
        return network

    def _place(self, item: Cursor, fields: dict[str, Cursor]) -> dict[str, str]:
        """Read where a NIC should be; a port means nothing without its host."""
        if "host" not in fields:
            for name in ("namespace", "port"):
                if name in fields:
                    raise item.wrong(f"{name} says nothing without host: add it")
            return {}
        place = {"host": _one_of(fields["host"], self._hosts, "hosts")}
        for name in ("namespace", "port"):
            if name in fields:
                place[name] = fields[name].text()
        if "port" in place:
            key = (place["host"], place.get("namespace", ""), place["port"])
            self._once("port", fields["port"], key)
        return place

    def _id(self, what: str, cursor: Cursor, own: str = "") -> str:
        """Read an id of a VM or NIC: users give either, and addresses, in the same place."""
        written = cursor.text()
        if as_mac(written) or _is_address(written):
            raise cursor.wrong(f"{written} would be taken for an address: write another id")
        other = NIC_ID if what == VM_ID else VM_ID
        if written != own:
            self._refuse_second(other, cursor, written)
        return self._once(what, cursor, written)

    def _once(self, what: str, cursor: Cursor, value: T) -> T:
        self._refuse_second(what, cursor, value)
        self._lines[what, value] = cursor.line
        return value

    def _refuse_second(self, what: str, cursor: Cursor, value: object) -> None:
        line = self._lines.get((what, value))
        if line is not None:
            raise cursor.wrong(f"line {line} has this {what} already: change one")


def _list(fields: dict[str, Cursor], name: str) -> list[Cursor]:
    return fields[name].items() if name in fields else []


def _one_of(cursor: Cursor, known: Collection[str], what: str) -> str:
    written = cursor.text()
    if written not in known:
        there_are = ", ".join(sorted(known)[:SHOWN]) or "none"
        raise cursor.wrong(f"{written!r} is not under {what} ({there_are}): add it, or change it")
    return written


def _vni(written: str) -> int:
    number = int(written)
    if not 0 <= number <= MAX_VNI:
        raise ValueError(written)
    return number


def _mac(written: str) -> str:
    mac = as_mac(written)
    if mac is None:
        raise ValueError(written)
    return mac


def _is_address(written: str) -> bool:
    try:
        ip_address(written)
    except ValueError:
        return False
    return True
