"""Discovery: what forwards packets on this host, without being told anything."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

from dyetrace.datapath.linux.broken_routers import (
    KnownRouters,
    known_routers,
    with_broken_routers,
)
from dyetrace.datapath.linux.classify import classify
from dyetrace.datapath.linux.facts import NamespaceFacts
from dyetrace.datapath.linux.links import look_for_neighbours, look_into
from dyetrace.datapath.linux.namespaces import Netns, Scope, open_namespaces
from dyetrace.datapath.linux.owners import HELD_KINDS, with_holders
from dyetrace.datapath.linux.peers import with_peers
from dyetrace.datapath.linux.rtnetlink import UNREADABLE
from dyetrace.model.topology import Host

NONE_KNOWN: KnownRouters = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovered:
    """A host's VFDs, and the ways into its namespaces.

    VFDs' namespaces are held open until this is closed. Endpoints' are not: a
    held namespace outlives its container, and so would the container's devices.
    """

    host: Host
    netns: Mapping[int, Netns]  # by inode number: VFDs and endpoints
    notes: tuple[str, ...]  # what was left out, and why
    routers: KnownRouters  # to be told the next time: a router may lose its forwarding

    def close(self) -> None:
        """Let go of all namespaces."""
        for netns in self.netns.values():
            netns.close()

    def __enter__(self) -> Self:
        """Use it for the length of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def discover(
    scope: Scope, *, host_number: int, host_name: str, known: KnownRouters = NONE_KNOWN
) -> Discovered:
    """Find the VFDs of this host and their edge ports; known are the routers seen before.

    Namespaces and devices may come and go meanwhile: what is gone is left out
    and noted. Close what this returns.
    """
    notes: list[str] = []
    ways = {netns.inode: netns for netns in open_namespaces(scope, notes)}
    try:
        facts = with_peers(_look_into_all(ways, notes), ways)
        facts = with_broken_routers(facts, known)
        facts = _with_neighbours(with_holders(facts), ways, notes)
        host, why = classify(facts, host_number=host_number, host_name=host_name)
    except BaseException:
        for netns in ways.values():
            netns.close()
        raise
    vfds = {vfd.netns for vfd in host.vfds}
    for inode, netns in ways.items():
        if inode not in vfds:
            netns.close()
    return Discovered(host=host, netns=ways, notes=(*notes, *why), routers=known_routers(facts))


def _look_into_all(ways: Mapping[int, Netns], notes: list[str]) -> list[NamespaceFacts]:
    found: list[NamespaceFacts] = []
    for netns in ways.values():
        try:
            found.append(look_into(netns, notes))
        except UNREADABLE as error:
            notes.append(f"namespace {netns.name or netns.path} could not be read: {error}")
    return found


def _with_neighbours(
    namespaces: list[NamespaceFacts], ways: Mapping[int, Netns], notes: list[str]
) -> list[NamespaceFacts]:
    """Read neighbour tables where there are VMs behind taps: nothing else tells their addresses."""
    if not any(link.kind in HELD_KINDS for each in namespaces for link in each.links):
        return namespaces
    found: list[NamespaceFacts] = []
    for each in namespaces:
        if each.is_vfd:
            try:
                neighbours, learned = look_for_neighbours(ways[each.inode])
                found.append(replace(each, neighbours=neighbours, learned=learned))
                continue
            except UNREADABLE as error:
                notes.append(f"neighbours in {each.name or 'the host'} could not be read: {error}")
        found.append(each)
    return found
