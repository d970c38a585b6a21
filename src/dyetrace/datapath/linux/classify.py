"""From the facts of a host's namespaces to its VFDs and their ports. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from dyetrace.datapath.linux.edges import (
    Namespaces,
    addresses_above,
    port_addresses,
    port_kind,
    without_link_local,
)
from dyetrace.datapath.linux.facts import LinkFacts, NamespaceFacts
from dyetrace.model.topology import Host, Nic, Port, PortKind, Vfd, VfdKind

NOTHING_FORWARDS = (
    "nothing here forwards packets: no bridge has ports, and no namespace "
    "with two links up has net.ipv4.ip_forward or net.ipv6.conf.all.forwarding on"
)


def classify(
    namespaces: Sequence[NamespaceFacts], *, host_number: int, host_name: str
) -> tuple[Host, tuple[str, ...]]:
    """Tell VFDs from endpoints and find the VFDs' edge ports; with notes for the curious."""
    scope = {each.inode: each for each in namespaces}
    names = names_of(namespaces, host_name)
    vfds = tuple(
        vfd_of(each, scope, names, host_number=host_number) for each in namespaces if each.is_vfd
    )
    notes = tuple(note for each in namespaces for note in notes_on(each, scope, names))
    if namespaces and not vfds:
        notes += (NOTHING_FORWARDS,)
    return Host(number=host_number, name=host_name, vfds=vfds), notes


def vfd_of(
    here: NamespaceFacts, scope: Namespaces, names: dict[int, str], *, host_number: int
) -> Vfd:
    """Describe a namespace that forwards."""
    ports = tuple(_ports(here, scope, names, host_number))
    own = (address for link in here.links for address in link.addresses)
    return Vfd(
        host_number=host_number,
        netns=here.inode,
        name=names[here.inode],
        netns_name=here.name,
        kind=vfd_kind(here, ports),
        ports=ports,
        addresses=tuple(
            dict.fromkeys(address for address in (*own, *here.sids) if not address.is_loopback)
        ),
    )


def vfd_kind(here: NamespaceFacts, ports: Iterable[Port]) -> VfdKind:
    """Say what a VFD does with packets.

    Hosts that bridge VMs often have forwarding on for other reasons, so bridges
    with VMs or tunnels outweigh it.
    """
    kinds = {port.kind for port in ports}
    if here.bridges and (not here.is_router or here.tunnels or PortKind.VNIC in kinds):
        return VfdKind.VSWITCH
    if not here.is_router:
        return VfdKind.VSWITCH
    return VfdKind.GATEWAY if PortKind.EXTERNAL in kinds else VfdKind.VROUTER


def names_of(namespaces: Sequence[NamespaceFacts], host_name: str) -> dict[int, str]:
    """Name every namespace as users will see it: briefly, but never two alike."""
    candidates = {each.inode: _names(each, host_name) for each in namespaces}
    taken = Counter(name for names in candidates.values() for name in set(names))
    return {
        inode: next((name for name in names if taken[name] == 1), names[-1])
        for inode, names in candidates.items()
    }


def notes_on(here: NamespaceFacts, scope: Namespaces, names: dict[int, str]) -> Iterator[str]:
    """Say what a user may miss, and why it is not there."""
    where = here.name or "the host's own namespace"
    if here.is_vfd and not any(port_kind(link, here, scope) for link in here.links):
        yield f"{names[here.inode]} ({where}) forwards, but has no edge port to trace at"
    for link in here.links:
        if link.kind == "tun" and here.is_vfd and port_kind(link, here, scope) is None:
            yield f"{link.name} in {where}: no process holds it and no bridge has it: no port"
        if link.kind == "openvswitch":
            yield f"{link.name} in {where} is Open vSwitch: only its edge ports are seen from here"
        if link.kind in {"macvlan", "ipvlan"} and not here.is_vfd and link.lower_nsid is not None:
            yield f"{link.name} of {names[here.inode]} bypasses its host's VFDs: no port of its own"


def _ports(
    here: NamespaceFacts, scope: Namespaces, names: dict[int, str], host_number: int
) -> Iterator[Port]:
    for link in here.links:
        kind = port_kind(link, here, scope)
        if kind is None:
            continue
        yield Port(
            host_number=host_number,
            netns=here.inode,
            ifindex=link.ifindex,
            name=link.name,
            kind=kind,
            mac=link.mac,
            has_link_layer=link.has_link_layer,
            is_reversed=link.kind == "macvtap",
            peer=link.peer if kind is PortKind.LINK else None,
            addresses=port_addresses(link, kind, here),
            nic=_nic(link, here, scope, names) if kind is PortKind.VNIC else None,
        )


def _nic(link: LinkFacts, here: NamespaceFacts, scope: Namespaces, names: dict[int, str]) -> Nic:
    if link.peer is None:
        return _nic_of_vm(link, here, scope)
    netns, ifindex = link.peer
    endpoint = scope[netns]
    device = endpoint.link_by_index.get(ifindex)
    vm = names[netns]
    if device is None:  # it went away while we looked
        return Nic(id=f"{vm}/{ifindex}", vm=vm)
    return Nic(
        id=f"{vm}/{device.name}",
        vm=vm,
        mac=device.mac,
        addresses=without_link_local(addresses_above(ifindex, endpoint)),
    )


def _nic_of_vm(link: LinkFacts, here: NamespaceFacts, scope: Namespaces) -> Nic:
    """Describe the card behind a tap or macvtap: the host sees its MAC, at best its addresses."""
    if link.kind == "macvtap":
        mac = link.mac
    else:
        on_link = (entry.mac for entry in here.neighbours if entry.ifindex == link.ifindex)
        mac = here.learned.get(link.ifindex) or next(on_link, "")
    addresses = tuple(
        address for each in scope.values() for address in each.addresses_by_mac.get(mac, ())
    )
    return Nic(
        id=link.name,
        vm=link.holder or link.name,
        mac=mac,
        addresses=without_link_local(addresses),
    )


def _names(here: NamespaceFacts, host_name: str) -> list[str]:
    """List what a namespace can be called, the shortest first."""
    if not here.name:
        bridges = [link for link in here.links if link.kind == "bridge"]
        return [bridges[0].name if here.is_vfd and len(bridges) == 1 else host_name]
    # a.b.c is c, or b.c where there are more of c.
    parts = here.name.split(".")
    names = [".".join(parts[start:]) for start in reversed(range(len(parts)))]
    return [here.owner, *names] if here.owner else names
