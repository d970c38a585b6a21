"""What a namespace decided for a packet beside route and rules: connection, entries, settings."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import islice
from pathlib import Path

from pyroute2 import IPRoute

from dyetrace.datapath.linux.connections import connection_of
from dyetrace.datapath.linux.devices import IPV4, Devices
from dyetrace.datapath.linux.encapsulations import encapsulation_of
from dyetrace.datapath.linux.policy_rules import choosing_rule
from dyetrace.datapath.linux.programs_on import programs_on
from dyetrace.datapath.linux.route_query import RTM_F_LOOKUP_TABLE, Keys, ask_route
from dyetrace.datapath.linux.rtnetlink import UNREADABLE
from dyetrace.model.connection import Connection
from dyetrace.model.forwarding import ForwardingEntry, Setting
from dyetrace.model.packet import Encapsulation, FiveTuple, Outer, Protocol
from dyetrace.model.site import Program, SiteEvidence

SYSCTLS = Path("/proc/sys/net")  # the calling thread's namespace's
MOST_ENTRIES = 16  # a tunnel may have thousands of remotes for what it does not know
NO_MAC = "00:00:00:00:00:00"
NUD_PERMANENT, NUD_NOARP = 0x80, 0x40
OF_IPV4 = ("forwarding", "rp_filter", "accept_local", "route_localnet", "log_martians")
OF_IPV6 = ("forwarding", "disable_ipv6", "seg6_enabled")
OF_BRIDGES = ("bridge-nf-call-iptables", "bridge-nf-call-ip6tables", "bridge-nf-call-arptables")
# Walking the connection table costs about 10 ms for each 250,000 buckets.
WALKED_BELOW = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The packet to ask for, and what is known of its way."""

    flow: FiveTuple  # as it came in
    outer: Outer | None
    came_in_by: int
    leaves_by: int  # the device its route, or its bridge, sends it to; 0: not known
    mac: str  # of the next hop, or as it came in; "": not known
    zones: tuple[int, ...]  # of connections, as the rules name them


def with_decisions(
    found: SiteEvidence, ipr: IPRoute, devices: Devices, asked: Question
) -> SiteEvidence:
    """Add to what was found at a site what else was decided there."""
    return replace(
        found,
        connection=_connection(found, asked),
        routing_rule=_routing_rule(found, ipr, devices, asked),
        sid_action=_sid_action(asked.outer),
        entries=tuple(islice(_entries(ipr, devices, asked), MOST_ENTRIES)) if asked.mac else (),
        settings=tuple(_settings(devices, asked)),
        programs=found.programs or tuple(_programs(ipr, devices, asked)),
    )


def _connection(found: SiteEvidence, asked: Question) -> Connection | None:
    if found.conntrack is None or not found.conntrack.entries:
        return None
    may_walk = found.conntrack.entries < WALKED_BELOW
    with suppress(OSError):  # this kernel does not tell: the rest is worth having
        return connection_of(asked.flow, zones=asked.zones, may_search=may_walk)
    return None


def _routing_rule(found: SiteEvidence, ipr: IPRoute, devices: Devices, asked: Question) -> str:
    if found.route is None or not found.route.table:
        return ""
    keys = Keys(flow=asked.flow, ifindex=asked.came_in_by)
    return choosing_rule(ipr, keys, device=devices.name(asked.came_in_by), table=found.route.table)


def _sid_action(outer: Outer | None) -> str:
    """Say what the segment does that an SRv6 packet has come to."""
    if outer is None or outer.encapsulation is not Encapsulation.SRV6:
        return ""
    # As a key of look-ups the kernel takes only protocols with ports, and ICMP.
    flow = FiveTuple(src=outer.src, dst=outer.dst, protocol=Protocol.UDP)
    try:
        return encapsulation_of(ask_route(Keys(flow=flow), flags=RTM_F_LOOKUP_TABLE))
    except UNREADABLE:
        return ""  # no route: the route's absence is told as such


def _entries(ipr: IPRoute, devices: Devices, asked: Question) -> Iterator[ForwardingEntry]:
    """Give the entries of bridge and tunnel for a MAC address, or those for all others."""
    bridge = devices.bridge(asked.leaves_by) or devices.bridge(asked.came_in_by)
    if not bridge and devices.kind(asked.leaves_by) != "vxlan":
        return
    reached = [
        entry
        for entry in ipr.fdb("dump")
        if bridge in {entry["ifindex"], devices.master(entry["ifindex"])}
        or entry["ifindex"] == asked.leaves_by
    ]
    exact = [entry for entry in reached if entry.get_attr("NDA_LLADDR") == asked.mac]
    # Where there is none, the bridge sends it to all ports, and tunnels to all remotes.
    for entry in exact or [each for each in reached if each.get_attr("NDA_LLADDR") == NO_MAC]:
        remote = entry.get_attr("NDA_DST")
        yield ForwardingEntry(
            mac=entry.get_attr("NDA_LLADDR"),
            device=devices.name(entry["ifindex"]),
            bridge=devices.name(entry.get_attr("NDA_MASTER") or 0),
            kind=_kind(entry["state"]),
            remote=ip_address(remote) if remote else None,
            vni=entry.get_attr("NDA_VNI"),
        )


def _kind(state: int) -> str:
    if state & NUD_PERMANENT:
        return "permanent"
    return "static" if state & NUD_NOARP else "learned"


def _programs(ipr: IPRoute, devices: Devices, asked: Question) -> Iterator[Program]:
    for ifindex in dict.fromkeys((asked.came_in_by, asked.leaves_by)):
        link = devices.link(ifindex)
        if link is not None:
            yield from programs_on(ipr, link)


def _settings(devices: Devices, asked: Question) -> Iterator[Setting]:
    """Read the switches of where the packet came in, and those for all devices."""
    version, names = ("ipv4", OF_IPV4) if asked.flow.dst.version == IPV4 else ("ipv6", OF_IPV6)
    bridge = devices.bridge(asked.came_in_by)
    for device in dict.fromkeys(("all", devices.name(asked.came_in_by), devices.name(bridge))):
        for name in names if device else ():
            yield from _setting(version, "conf", device, name)
    for name in OF_BRIDGES if bridge else ():
        yield from _setting("bridge", name)


def _setting(*parts: str) -> Iterator[Setting]:
    try:
        value = int(SYSCTLS.joinpath(*parts).read_text())
    except (OSError, ValueError):
        return  # this kernel has no such switch
    yield Setting(name=".".join(("net", *parts)), value=value)
