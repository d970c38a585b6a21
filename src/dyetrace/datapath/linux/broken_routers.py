"""Which namespaces are routers although their forwarding is off. Pure.

Forwarding is what tells a router from an endpoint with two links, so a router
that lost it would pass for an endpoint. Two things give it away: it routed when
it was last looked at, or others on its links have it as their gateway.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from dyetrace.datapath.linux.facts import LinkFacts, NamespaceFacts
from dyetrace.model.packet import Address

KnownRouters = Mapping[int, frozenset[str]]
"""Routers seen before: by inode, which the kernel uses again, and their links' MACs."""

Segment = frozenset[tuple[int, int]]
"""What links share a wire or a bridge: the bridge, or a wire's two ends, as (netns, ifindex)."""


def known_routers(namespaces: Iterable[NamespaceFacts]) -> dict[int, frozenset[str]]:
    """Remember who routes."""
    return {each.inode: _macs(each) for each in namespaces if each.is_router}


def with_broken_routers(
    namespaces: Sequence[NamespaceFacts], known: KnownRouters
) -> list[NamespaceFacts]:
    """Take those for routers that were, and those that are others' gateways."""
    scope = {each.inode: each for each in namespaces}
    gateways = {
        (address, segment)
        for each in namespaces
        for ifindex, address in each.gateways
        if (segment := _segment(each, ifindex, scope))
    }
    return [
        replace(each, routes_ip=True)
        if not each.routes_ip and (_was_router(each, known) or _serves(each, gateways, scope))
        else each
        for each in namespaces
    ]


def _was_router(here: NamespaceFacts, known: KnownRouters) -> bool:
    return bool(known.get(here.inode, frozenset()) & _macs(here))


def _serves(
    here: NamespaceFacts,
    gateways: set[tuple[Address, Segment]],
    scope: Mapping[int, NamespaceFacts],
) -> bool:
    return any(
        (address, _segment(here, link.ifindex, scope)) in gateways
        for link in here.links
        for address in link.addresses
    )


def _segment(here: NamespaceFacts, ifindex: int, scope: Mapping[int, NamespaceFacts]) -> Segment:
    """Find what a link is on; empty where that is out of sight."""
    link = here.link_by_index.get(ifindex)
    if link is None:
        return frozenset()
    if link.kind == "bridge" or link.master:
        return frozenset({(here.inode, link.master or ifindex)})
    if link.peer is None:
        return frozenset()
    there, other = scope.get(link.peer[0]), _other_end(link, scope)
    if there is not None and other is not None and other.master:
        return frozenset({(there.inode, other.master)})
    return frozenset({(here.inode, ifindex), link.peer})


def _other_end(link: LinkFacts, scope: Mapping[int, NamespaceFacts]) -> LinkFacts | None:
    if link.peer is None or link.peer[0] not in scope:
        return None
    return scope[link.peer[0]].link_by_index.get(link.peer[1])


def _macs(here: NamespaceFacts) -> frozenset[str]:
    return frozenset(link.mac for link in here.links if link.mac)
