"""Where a namespace's routing would send a packet: look-ups with the packet's own keys."""

import errno
import socket
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Any

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import Neighbour, RouteLookup

RTM_F_LOOKUP_TABLE = 0x1000
RTM_F_FIB_MATCH = 0x2000
IFF_NOARP = 0x80
MAIN_TABLE = 254
IPV6 = 6
FULL_LENGTH = {socket.AF_INET: 32, socket.AF_INET6: 128}

KINDS = {1: "unicast", 2: "local", 3: "broadcast", 4: "anycast", 5: "multicast"}
REJECTING = {"blackhole": 6, "unreachable": 7, "prohibit": 8}
# What a look-up that is not tied to a device fails with (fib_props in net/ipv4/fib_semantics.c).
KIND_BY_ERROR = {
    errno.EINVAL: "blackhole",
    errno.EHOSTUNREACH: "unreachable",
    errno.EACCES: "prohibit",
}
NEIGHBOUR_STATES = {
    0: "NONE",
    1: "INCOMPLETE",
    2: "REACHABLE",
    4: "STALE",
    8: "DELAY",
    16: "PROBE",
    32: "FAILED",
    64: "NOARP",
    128: "PERMANENT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """What routing says, and what that leads to."""

    route: RouteLookup
    ifindex: int = 0  # of the device it would leave by
    next_hop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What the kernel looks at when it routes a packet."""

    flow: FiveTuple
    dscp: int = 0
    ifindex: int = 0  # the device it came in by; 0: it was sent from here

    @property
    def family(self) -> int:
        """The address family, as netlink numbers it."""
        return socket.AF_INET6 if self.flow.dst.version == IPV6 else socket.AF_INET


def look_up(ipr: IPRoute, keys: Keys) -> WayOut:
    """Route a packet as the kernel would have routed it.

    If the kernel refuses it as it came in but would send such a packet itself,
    the route is shown together with the error: then it is not the route that is
    at fault, but where the packet came from (reverse path filter, forwarding).
    """
    try:
        return _found(ipr, keys)
    except NetlinkError as error:
        refused = _error_name(error)
    try:
        found = _found(ipr, Keys(flow=keys.flow, dscp=keys.dscp))
        return WayOut(
            route=_with_error(found.route, refused),
            ifindex=found.ifindex,
            next_hop=found.next_hop,
        )
    except NetlinkError as error:
        kind = KIND_BY_ERROR.get(abs(error.code), "none")
        return WayOut(route=_rejecting_route(keys, kind, _error_name(error)))


def neighbour_of(ipr: IPRoute, way: WayOut) -> tuple[Neighbour | None, str]:
    """Look up the next hop's neighbour entry, and its MAC address if it is resolved."""
    if not way.next_hop or not way.ifindex:
        return None, ""
    try:
        entries = list(ipr.neigh("get", dst=way.next_hop, ifindex=way.ifindex))
    except NetlinkError as error:
        if error.code != errno.ENOENT:
            raise
        entries = []
    if not entries:
        return Neighbour(address=way.next_hop, state="NONE", device=way.route.device), ""
    state = NEIGHBOUR_STATES.get(entries[0]["state"], str(entries[0]["state"]))
    neighbour = Neighbour(address=way.next_hop, state=state, device=way.route.device)
    return neighbour, entries[0].get_attr("NDA_LLADDR") or ""


def _found(ipr: IPRoute, keys: Keys) -> WayOut:
    # One answer says which way this packet goes, the other which route that is.
    taken = _ask(ipr, keys, RTM_F_LOOKUP_TABLE)
    matched = _ask(ipr, keys, RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH)
    kind = KINDS.get(taken["type"], str(taken["type"]))
    via = taken.get_attr("RTA_VIA") or {}  # an IPv4 route by an IPv6 next hop
    gateway = taken.get_attr("RTA_GATEWAY") or via.get("address", "") or ""
    ifindex = taken.get_attr("RTA_OIF") or 0
    device, takes_neighbours = _device(ipr, ifindex)
    on_link = str(keys.flow.dst) if kind == "unicast" and takes_neighbours else ""
    return WayOut(
        route=RouteLookup(
            kind=kind,
            prefix=_prefix(matched, keys.family),
            gateway=gateway,
            device=device,
            table=matched.get_attr("RTA_TABLE") or MAIN_TABLE,
        ),
        ifindex=ifindex,
        next_hop=(gateway or on_link) if takes_neighbours else "",
    )


def _ask(ipr: IPRoute, keys: Keys, flags: int) -> Message:
    wanted: dict[str, Any] = {
        "family": keys.family,
        "dst": str(keys.flow.dst),
        "ip_proto": keys.flow.protocol,
        "flags": flags,
    }
    if keys.flow.src_port or keys.flow.dst_port:
        wanted |= {"sport": keys.flow.src_port, "dport": keys.flow.dst_port}
    if keys.dscp:
        wanted["tos"] = keys.dscp << 2
    if keys.ifindex:
        # Without a device the kernel takes a source for its own and refuses others'.
        wanted |= {"src": str(keys.flow.src), "iif": keys.ifindex}
    answer: Message = next(iter(ipr.route("get", **wanted)))
    return answer


def _device(ipr: IPRoute, ifindex: int) -> tuple[str, bool]:
    """Name a device, and say whether it asks for its neighbours' addresses."""
    if not ifindex:
        return "", False
    with suppress(NetlinkError):
        for link in ipr.link("get", index=ifindex):
            return link.get_attr("IFLA_IFNAME"), not link["flags"] & IFF_NOARP
    return str(ifindex), False


def _rejecting_route(keys: Keys, kind: str, error: str) -> RouteLookup:
    """Find the route that rejects: the kernel tells only the error, so match it ourselves."""
    best = RouteLookup(kind=kind, error=error)
    if kind not in REJECTING:
        return best
    longest = -1
    # Strict, so that the kernel filters by type and does not send us all routes.
    with IPRoute(strict_check=True) as strict:
        for route in strict.route("dump", family=keys.family, type=REJECTING[kind]):
            prefix = _prefix(route, keys.family)
            # A dump filter that an old kernel ignores must not make a plain route a culprit.
            if route["type"] != REJECTING[kind] or keys.flow.dst not in ip_network(prefix):
                continue
            if route["dst_len"] > longest:
                longest = route["dst_len"]
                table = route.get_attr("RTA_TABLE") or MAIN_TABLE
                best = RouteLookup(kind=kind, error=error, prefix=prefix, table=table)
    return best


def _prefix(route: Message, family: int) -> str:
    address = route.get_attr("RTA_DST")
    if address is None:
        address = "::" if family == socket.AF_INET6 else "0.0.0.0"  # noqa: S104  # not a bind
    return str(ip_network(f"{ip_address(address)}/{route['dst_len']}", strict=False))


def _with_error(route: RouteLookup, error: str) -> RouteLookup:
    return RouteLookup(
        kind=route.kind,
        error=error,
        prefix=route.prefix,
        gateway=route.gateway,
        device=route.device,
        table=route.table,
    )


def _error_name(error: NetlinkError) -> str:
    return errno.errorcode.get(abs(error.code), str(error.code))
