"""Where a namespace's routing would send a packet: look-ups with the packet's own keys."""

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address, ip_network

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.encapsulations import encapsulation_of
from dyetrace.datapath.linux.policy_rules import is_led_by_origin, refusing_rule
from dyetrace.datapath.linux.route_query import (
    RTM_F_FIB_MATCH,
    RTM_F_LOOKUP_TABLE,
    Keys,
    ask_route,
)
from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.packet import Address, Network
from dyetrace.model.site import Neighbour, NeighbourState, RouteKind, RouteLookup

IFF_NOARP = 0x80
TABLES = {253: "default", 254: "main", 255: "local"}

# RTN_* of include/uapi/linux/rtnetlink.h; broadcast and anycast are our own addresses too.
KINDS = {1: RouteKind.UNICAST, 2: RouteKind.LOCAL, 3: RouteKind.LOCAL, 4: RouteKind.LOCAL}
REJECTING = {RouteKind.BLACKHOLE: 6, RouteKind.UNREACHABLE: 7, RouteKind.PROHIBIT: 8}
# What a look-up that is not tied to a device fails with (fib_props in net/ipv4/fib_semantics.c).
KIND_BY_ERROR = {
    errno.EINVAL: RouteKind.BLACKHOLE,
    errno.EHOSTUNREACH: RouteKind.UNREACHABLE,
    errno.EACCES: RouteKind.PROHIBIT,
}
NEIGHBOUR_STATES = {
    0: NeighbourState.NONE,
    1: NeighbourState.INCOMPLETE,
    2: NeighbourState.REACHABLE,
    4: NeighbourState.STALE,
    8: NeighbourState.DELAY,
    16: NeighbourState.PROBE,
    32: NeighbourState.FAILED,
    64: NeighbourState.NOARP,
    128: NeighbourState.PERMANENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """What routing says, and what that leads to."""

    route: RouteLookup
    ifindex: int = 0  # of the device it would leave by
    next_hop: Address | None = None


def look_up(ipr: IPRoute, keys: Keys) -> WayOut:
    """Route a packet as the kernel would have routed it.

    A routing rule may refuse it before any route is asked: then the rule is shown.
    Else, if the kernel refuses it as it came in but would send such a packet itself,
    the route is shown together with the error: then it is not the route that is
    at fault, but where the packet came from (reverse path filter, forwarding).
    """
    try:
        return _found(ipr, keys)
    except NetlinkError as error:
        code, refused = abs(error.code), _error_name(error)
    kind = KIND_BY_ERROR.get(code, RouteKind.NONE)
    rejecting, table = _rejecting_route(keys, kind, refused)
    device, _ = _device(ipr, keys.ifindex)
    rule = refusing_rule(ipr, keys, device=device, error=code, table=table)
    if rule is not None:
        return WayOut(route=RouteLookup(kind=rule.kind, error=refused, rule=rule))
    if table and is_led_by_origin(ipr, keys, device=device, table=table):
        return WayOut(route=rejecting)
    try:
        found = _found(ipr, replace(keys, ifindex=0))
        return replace(found, route=replace(found.route, error=refused))
    except NetlinkError as error:
        if abs(error.code) != code:  # refused as it came in, and for another reason as our own
            kind = KIND_BY_ERROR.get(abs(error.code), RouteKind.NONE)
            rejecting, _ = _rejecting_route(keys, kind, _error_name(error))
        return WayOut(route=rejecting)


def neighbour_of(ipr: IPRoute, way: WayOut) -> Neighbour | None:
    """Look up the next hop's neighbour entry; None where none is needed."""
    if way.next_hop is None or not way.ifindex:
        return None
    try:
        entry = next(iter(ipr.neigh("get", dst=str(way.next_hop), ifindex=way.ifindex)), None)
    except NetlinkError as error:
        if error.code != errno.ENOENT:
            raise
        entry = None
    return Neighbour(
        address=way.next_hop,
        state=NEIGHBOUR_STATES.get(entry["state"] if entry else 0, NeighbourState.NONE),
        device=way.route.device,
        mac=(entry.get_attr("NDA_LLADDR") if entry else None) or "",
    )


def _found(ipr: IPRoute, keys: Keys) -> WayOut:
    # One answer says which way this packet goes, the other which route that is.
    taken = ask_route(keys, flags=RTM_F_LOOKUP_TABLE)
    matched = ask_route(keys, flags=RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH)
    kind = KINDS.get(taken["type"], RouteKind.UNICAST)
    gateway = _gateway(taken)
    ifindex = taken.get_attr("RTA_OIF") or 0
    device, asks_neighbours = _device(ipr, ifindex)
    needs_neighbour = asks_neighbours and kind is RouteKind.UNICAST
    return WayOut(
        route=RouteLookup(
            kind=kind,
            prefix=_prefix(matched, keys.family),
            gateway=gateway,
            device=device,
            table=_table(matched),
            encapsulation=encapsulation_of(matched),
        ),
        ifindex=ifindex,
        next_hop=(gateway or keys.flow.dst) if needs_neighbour else None,
    )


def _gateway(route: Message) -> Address | None:
    via = route.get_attr("RTA_VIA")  # an IPv4 route by an IPv6 next hop
    text = route.get_attr("RTA_GATEWAY") or (via.get("addr") if isinstance(via, dict) else None)
    return ip_address(text) if text else None


def _device(ipr: IPRoute, ifindex: int) -> tuple[str, bool]:
    """Name a device, and say whether it asks for its neighbours' addresses."""
    if not ifindex:
        return "", False
    with suppress(NetlinkError):
        for link in ipr.link("get", index=ifindex):
            return link.get_attr("IFLA_IFNAME"), not link["flags"] & IFF_NOARP
    return str(ifindex), False


def _rejecting_route(keys: Keys, kind: RouteKind, error: str) -> tuple[RouteLookup, int]:
    """Find the route that rejects: the kernel tells only the error, so match it ourselves.

    Gives the number of its table too; 0 if there is no such route.
    """
    best, table = RouteLookup(kind=kind, error=error), 0
    if kind not in REJECTING:
        return best, table
    longest = -1
    # Strict, so that the kernel filters by type and does not send us all routes.
    with IPRoute(strict_check=True) as strict:
        for route in strict.route("dump", family=keys.family, type=REJECTING[kind]):
            prefix = _prefix(route, keys.family)
            # A filter that an old kernel ignores must not make a plain route a culprit.
            if route["type"] != REJECTING[kind] or keys.flow.dst not in prefix:
                continue
            if prefix.prefixlen > longest:
                longest = prefix.prefixlen
                best = replace(best, prefix=prefix, table=_table(route))
                table = route.get_attr("RTA_TABLE") or 0
    return best, table


def _table(route: Message) -> str:
    number = route.get_attr("RTA_TABLE") or 0
    return TABLES.get(number, str(number or ""))


def _prefix(route: Message, family: int) -> Network:
    nowhere = "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104 - not a bind
    address = route.get_attr("RTA_DST") or nowhere
    return ip_network(f"{address}/{route['dst_len']}", strict=False)


def _error_name(error: NetlinkError) -> str:
    return errno.errorcode.get(abs(error.code), str(error.code))
