"""What a namespace's links, addresses and routes are: netlink read into facts."""

import re
import socket
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.facts import (
    ETHERNET,
    FALLBACK_TUNNELS,
    OVERLAY_TUNNELS,
    LinkFacts,
    NamespaceFacts,
    NeighbourFacts,
)
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.rtnetlink import ODD, Message
from dyetrace.model.packet import Address

IFF_UP = 1
NUD_PERMANENT = 0x80
RTM_F_FIB_MATCH = 0x2000
ENCAP_SEG6 = 5  # include/uapi/linux/lwtunnel.h
ENCAP_SEG6_LOCAL = 7
LOCAL_END = re.compile(r"IFLA_(VXLAN|GRE|IPIP|IP6TNL)_LOCAL6?")
CARRIER = re.compile(r"IFLA_(VXLAN|GRE|IPIP|IP6TNL)_LINK")

# A destination that only a default route leads to; nothing is sent there. A
# default may be written in two or three halves, as VPNs and carriers do.
ELSEWHERE = (
    (socket.AF_INET, "240.0.0.1", 1),
    (socket.AF_INET, "128.0.0.1", 1),
    (socket.AF_INET6, "2000::1", 3),
)
# Reading routes costs some tens of microseconds each: a router with the whole
# Internet's table would keep us for half a minute.
MOST_ROUTES = 2000


def look_into(netns: Netns, notes: list[str]) -> NamespaceFacts:
    """Read what discovery needs to know of a namespace.

    Raises one of UNREADABLE where the namespace as a whole cannot be read; what
    is odd about a single device is noted.
    """
    return netns.run(lambda: _read(netns, notes))


def look_for_neighbours(netns: Netns) -> tuple[tuple[NeighbourFacts, ...], dict[int, str]]:
    """Read the neighbour table, and which MAC address each bridge port has learned."""
    return netns.run(_read_neighbours)


def _read(netns: Netns, notes: list[str]) -> NamespaceFacts:
    where = netns.name or "the host's own namespace"
    with IPRoute() as ipr:
        addresses: dict[int, list[Address]] = defaultdict(list)
        for message in ipr.get_addr():
            # IFA_LOCAL is this end of a point-to-point link, IFA_ADDRESS the other.
            text = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            addresses[message["index"]].append(ip_address(text))
        links: list[LinkFacts] = []
        for message in ipr.get_links():
            try:
                links.append(link_facts(message, addresses))
            except ODD as error:
                name = message.get_attr("IFLA_IFNAME") or "a device"
                notes.append(f"{name} in {where} was left out: it cannot be read ({error!r})")
        forwards = _is_on("ipv4/ip_forward") or _is_on("ipv6/conf/all/forwarding")
        facts = NamespaceFacts(
            inode=netns.inode,
            name=netns.name,
            owner=netns.owner,
            routes_ip=forwards,
            links=tuple(links),
        )
        facts = _with_default_routes(ipr, facts)
        may_forward = facts.is_vfd or facts.could_route
        return _with_segment_routes(ipr, facts, notes, where) if may_forward else facts


def link_facts(message: Message, addresses: Mapping[int, list[Address]]) -> LinkFacts:
    """Pick from a link's message what discovery needs."""
    info = message.get_attr("IFLA_LINKINFO")
    kind = (info.get_attr("IFLA_INFO_KIND") if info else None) or ""
    data = info.get_attr("IFLA_INFO_DATA") if info and kind in OVERLAY_TUNNELS else None
    name = message.get_attr("IFLA_IFNAME")
    vtep, carrier = _tunnel_ends(data) if name not in FALLBACK_TUNNELS else (None, 0)
    lower = message.get_attr("IFLA_LINK") or 0
    return LinkFacts(
        ifindex=message["index"],
        name=name,
        kind=kind,
        hardware=message["ifi_type"],
        mac=(message.get_attr("IFLA_ADDRESS") or "") if message["ifi_type"] == ETHERNET else "",
        is_up=bool(message["flags"] & IFF_UP),
        master=message.get_attr("IFLA_MASTER") or 0,
        # A tunnel's IFLA_LINK is what carries it, not a part of it.
        lower=0 if kind in OVERLAY_TUNNELS else lower,
        lower_nsid=message.get_attr("IFLA_LINK_NETNSID"),
        addresses=tuple(addresses.get(message["index"], ())),
        vtep=vtep,
        carrier=carrier,
    )


def _tunnel_ends(data: Message | str | None) -> tuple[Address | None, int]:
    """Find a tunnel's local address and the device it is bound to, if it says."""
    local: Address | None = None
    carrier = 0
    if data is None or isinstance(data, str):  # not decoded
        return None, 0
    for name, value in data["attrs"]:
        if LOCAL_END.fullmatch(name) and value:
            address = ip_address(value)
            local = local if address.is_unspecified else address
        elif CARRIER.fullmatch(name):
            carrier = value or 0
    return local, carrier


def _with_segment_routes(
    ipr: IPRoute, facts: NamespaceFacts, notes: list[str], where: str
) -> NamespaceFacts:
    sids: list[Address] = []
    encapsulates = False
    count = _count_routes()
    if count > MOST_ROUTES:
        notes.append(f"{where} has {count} routes: not searched for SRv6")
    for family in (socket.AF_INET, socket.AF_INET6) if count <= MOST_ROUTES else ():
        for route in ipr.get_routes(family=family):
            encap = route.get_attr("RTA_ENCAP_TYPE")
            if encap == ENCAP_SEG6:
                encapsulates = True
            elif encap == ENCAP_SEG6_LOCAL and route.get_attr("RTA_DST"):
                sids.append(ip_address(route.get_attr("RTA_DST")))
    return replace(
        facts,
        sids=tuple(sids),
        encapsulates_srv6=encapsulates,
    )


def _with_default_routes(ipr: IPRoute, facts: NamespaceFacts) -> NamespaceFacts:
    """Ask the kernel which way a packet to nowhere in particular would go.

    A look-up, not a list of routes: it follows policy rules, and costs the same
    however large the tables are.
    """
    hops: set[tuple[int, Address | None]] = set()
    for family, destination, longest in ELSEWHERE:
        try:
            answers = ipr.route("get", family=family, dst=destination, flags=RTM_F_FIB_MATCH)
            hops.update(
                hop
                for answer in answers
                if answer["dst_len"] <= longest
                for hop in _next_hops(answer)
            )
        except NetlinkError:
            continue  # no such route
    return replace(
        facts,
        default_devices=frozenset(device for device, _ in hops),
        gateways=frozenset((device, gateway) for device, gateway in hops if gateway is not None),
    )


def _next_hops(route: Message) -> list[tuple[int, Address | None]]:
    single = route.get_attr("RTA_OIF")
    several = route.get_attr("RTA_MULTIPATH") or ()
    return [
        *([(single, _gateway(route))] if single else []),
        *((hop["oif"], _gateway(hop)) for hop in several),
    ]


def _gateway(route: Message) -> Address | None:
    text = route.get_attr("RTA_GATEWAY")
    return ip_address(text) if text else None


def _read_neighbours() -> tuple[tuple[NeighbourFacts, ...], dict[int, str]]:
    neighbours: list[NeighbourFacts] = []
    learned: dict[int, str] = {}
    with IPRoute() as ipr:
        for family in (socket.AF_INET, socket.AF_INET6):
            for entry in ipr.get_neighbours(family=family):
                mac, address = entry.get_attr("NDA_LLADDR"), entry.get_attr("NDA_DST")
                if mac and address:
                    neighbours.append(
                        NeighbourFacts(
                            ifindex=entry["ifindex"], mac=mac, address=ip_address(address)
                        )
                    )
        for entry in ipr.fdb("dump"):
            # Permanent entries are the port's own address, not what is behind it.
            mac = entry.get_attr("NDA_LLADDR")
            if mac and not entry["state"] & NUD_PERMANENT:
                learned.setdefault(entry["ifindex"], mac)
    return tuple(neighbours), learned


def _is_on(name: str) -> bool:
    # /proc/sys/net is the calling thread's namespace's.
    try:
        return Path("/proc/sys/net", name).read_text().strip() not in {"", "0"}
    except OSError:
        return False  # without IPv6 there is no such file


def _count_routes() -> int:
    count = 0
    # /proc/net would be the main thread's.
    net = Path("/proc/thread-self/net")
    try:
        for line in (net / "fib_triestat").read_text().splitlines():
            if line.strip().startswith("Prefixes:"):
                count += int(line.split()[1])
        count += int((net / "rt6_stats").read_text().split()[3], 16)
    except (OSError, *ODD):
        return count  # as far as known: no IPv6, or a kernel that words it otherwise
    return count
