"""The state of a namespace's devices: links, bridge ports, queues, forwarding switches."""

import socket
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.site import Backlog, BridgePort, Conntrack, Link, Queue

IFF_UP = 1
IFF_LOWER_UP = 1 << 16
IPV4 = 4
NO_QUEUES = frozenset({"noqueue", "clsact", "ingress"})  # nothing ever waits in these
CLASSFUL = frozenset({"htb", "hfsc", "drr", "ets", "prio", "qfq", "cbq"})
LIMITED_IN_BYTES = frozenset({"tbf", "bfifo"})
LIMIT_BYTES = 4
BRIDGE_STATES = {0: "disabled", 1: "listening", 2: "learning", 3: "forwarding", 4: "blocking"}
SYSCTLS = Path("/proc/sys/net")  # the calling thread's namespace's


class Devices:
    """The links of a namespace, each asked for once."""

    def __init__(self, ipr: IPRoute) -> None:
        self._ipr = ipr
        self._links: dict[int, Message | None] = {}

    def link(self, ifindex: int) -> Message | None:
        """Get a link's message; None if there is no such link."""
        if ifindex and ifindex not in self._links:
            try:
                self._links[ifindex] = next(iter(self._ipr.link("get", index=ifindex)), None)
            except NetlinkError:
                self._links[ifindex] = None
        return self._links.get(ifindex)

    def name(self, ifindex: int) -> str:
        """Name a link; empty if there is no such link."""
        link = self.link(ifindex)
        return str(link.get_attr("IFLA_IFNAME")) if link else ""

    def mac(self, ifindex: int) -> str:
        """Give a link's MAC address."""
        link = self.link(ifindex)
        return str(link.get_attr("IFLA_ADDRESS") or "") if link else ""

    def kind(self, ifindex: int) -> str:
        """Give a link's kind; empty for hardware."""
        link = self.link(ifindex)
        info = link.get_attr("IFLA_LINKINFO") if link else None
        return str(info.get_attr("IFLA_INFO_KIND") or "") if info else ""

    def master(self, ifindex: int) -> int:
        """Give the device that a link is a port of; 0 if none."""
        link = self.link(ifindex)
        return int(link.get_attr("IFLA_MASTER") or 0) if link else 0

    def bridge(self, ifindex: int) -> int:
        """Give the bridge that a link is, or is a port of; 0 if none."""
        if self.kind(ifindex) == "bridge":
            return ifindex
        master = self.master(ifindex)
        return master if self.kind(master) == "bridge" else 0

    def all(self) -> tuple[int, ...]:
        """List all links."""
        for link in self._ipr.get_links():
            self._links[link["index"]] = link
        return tuple(index for index, link in self._links.items() if link is not None)

    def ports_of(self, bridge: int) -> tuple[int, ...]:
        """List the ports of a bridge."""
        return tuple(index for index in self.all() if self.master(index) == bridge)

    def detail(self, ifindex: int, attribute: str) -> object:
        """Give a property that only links of its kind have; None if it has none such."""
        link = self.link(ifindex)
        info = link.get_attr("IFLA_LINKINFO") if link else None
        data = info.get_attr("IFLA_INFO_DATA") if info else None
        return None if data is None or isinstance(data, str) else data.get_attr(attribute)

    def state(self, ifindex: int) -> Link | None:
        """Say whether a link could carry a packet."""
        link = self.link(ifindex)
        if link is None:
            return None
        return Link(
            name=self.name(ifindex),
            is_up=bool(link["flags"] & IFF_UP),
            has_carrier=bool(link["flags"] & IFF_LOWER_UP),
            mtu=int(link.get_attr("IFLA_MTU") or 0),
            queue_length=int(link.get_attr("IFLA_TXQLEN") or 0),
        )

    def bridge_port(self, ifindex: int) -> BridgePort | None:
        """Say whether a link may forward as a port of its bridge; None if it is none."""
        link = self.link(ifindex)
        if link is None or self.kind(self.master(ifindex)) != "bridge":
            return None
        info = link.get_attr("IFLA_LINKINFO")
        port = info.get_attr("IFLA_INFO_SLAVE_DATA") if info else None
        if port is None or isinstance(port, str):  # absent, or not decoded
            return None
        state = port.get_attr("IFLA_BRPORT_STATE")
        return BridgePort(
            name=self.name(ifindex),
            state=BRIDGE_STATES.get(state, str(state)),
            is_isolated=bool(port.get_attr("IFLA_BRPORT_ISOLATED")),
            is_locked=bool(port.get_attr("IFLA_BRPORT_LOCKED")),
        )

    def has_address(self, ifindex: int, version: int) -> bool:
        """Whether a link has an address, so that packets can be routed there."""
        family = socket.AF_INET if version == IPV4 else socket.AF_INET6
        return any(True for _ in self._ipr.get_addr(family=family, index=ifindex))

    def port_towards(self, bridge: int, mac: str) -> int:
        """Find the bridge port that frames to a MAC address leave by; 0: by all of them."""
        for entry in self._ipr.fdb("dump"):
            if entry.get_attr("NDA_MASTER") == bridge and entry.get_attr("NDA_LLADDR") == mac:
                return int(entry["ifindex"])
        return 0

    def ports_with_entries(self, bridge: int) -> frozenset[int]:
        """Find the ports of a bridge that lead to some MAC address other than their own."""
        return frozenset(
            int(entry["ifindex"])
            for entry in self._ipr.fdb("dump")
            if entry.get_attr("NDA_MASTER") == bridge
            and entry.get_attr("NDA_LLADDR") != self.mac(int(entry["ifindex"]))
        )

    def queues(self, ifindexes: Collection[int]) -> Iterator[Queue]:
        """Give the queues of links, each class of a queue after it."""
        for message in self._ipr.get_qdiscs():
            kind = message.get_attr("TCA_KIND") or ""
            if message["index"] not in ifindexes or kind in NO_QUEUES:
                continue
            yield self._queue(message, kind, limit=self._limit(message, kind))
            for each in self._ipr.get_classes(index=message["index"]) if kind in CLASSFUL else ():
                if each["handle"] >> 16 == message["handle"] >> 16:
                    yield self._queue(each, f"{kind} class")

    def _queue(self, message: Message, kind: str, *, limit: str = "") -> Queue:
        statistics = message.get_attr("TCA_STATS2")
        counters = (statistics.get_attr("TCA_STATS_QUEUE") if statistics else None) or {}
        minor = message["handle"] & 0xFFFF
        return Queue(
            device=self.name(message["index"]),
            kind=kind,
            handle=f"{message['handle'] >> 16:x}:{f'{minor:x}' if minor else ''}",
            packets=counters.get("qlen", 0),
            bytes=counters.get("backlog", 0),
            limit=limit,
            drops=counters.get("drops", 0),
        )

    def _limit(self, message: Message, kind: str) -> str:
        limit = limit_of(kind, message.get_attr("TCA_OPTIONS"))
        link = self.link(message["index"])
        if kind == "pfifo_fast" and link:
            limit = int(link.get_attr("IFLA_TXQLEN") or 0)
        return f"{limit}{'b' if kind in LIMITED_IN_BYTES else 'p'}" if limit else ""


def limit_of(kind: str, options: object) -> int:
    """Pick a queue's limit from its options, 0 if it has none; what it counts is kind's affair."""
    if isinstance(options, str):  # not decoded: bytes in hexadecimal, with colons
        raw = bytes.fromhex(options.replace(":", ""))
        is_fifo = kind.endswith("fifo") and len(raw) >= LIMIT_BYTES
        return int.from_bytes(raw[:LIMIT_BYTES], "little") if is_fifo else 0
    if not isinstance(options, dict):
        return 0
    if isinstance(options.get("limit"), int):
        return int(options["limit"])
    for name, value in options.get("attrs", ()):
        if isinstance(value, dict) and isinstance(value.get("limit"), int):
            return int(value["limit"])
        if name.endswith("_LIMIT") and isinstance(value, int):
            return value
    return 0


def most_in_the_way(queues: Iterable[Queue]) -> Queue | None:
    """Choose one that dropped, then the fullest; a class is part of its queue."""
    whole = (queue for queue in queues if not queue.kind.endswith(" class"))
    return max(whole, key=lambda queue: (queue.drops > 0, queue.bytes), default=None)


def backlog() -> Backlog | None:
    """Read what CPUs could not take in, of all namespaces together, since the machine started."""
    try:
        lines = Path("/proc/thread-self/net/softnet_stat").read_text().splitlines()
        rows = [[int(value, 16) for value in line.split()] for line in lines]
        return Backlog(dropped=sum(row[1] for row in rows), squeezed=sum(row[2] for row in rows))
    except (OSError, ValueError, IndexError):
        return None


def reverse_path_filter(device: str) -> int | None:
    """Read how strictly IPv4 sources are checked at a device: the stricter of two switches."""
    values = [_number("ipv4/conf", where, "rp_filter") for where in ("all", device)]
    known = [value for value in values if value is not None]
    return max(known, default=None)


def forwards(device: str, version: int) -> bool | None:
    """Read whether what comes in at a device may be forwarded."""
    if version == IPV4:
        value = _number("ipv4/conf", device, "forwarding")
    else:  # a device's own switch only makes it a router to its neighbours
        value = _number("ipv6/conf", "all", "forwarding")
        value = value or _number("ipv6/conf", device, "force_forwarding") or value
    return None if value is None else bool(value)


def connection_table() -> Conntrack | None:
    """Read how full the connection table is; None where nothing tracks connections."""
    entries = _number("netfilter", "", "nf_conntrack_count")
    limit = _number("netfilter", "", "nf_conntrack_max")
    if entries is None or not limit:  # no limit is written as 0
        return None
    return Conntrack(entries=entries, limit=limit)


def bridge_calls_ip(version: int) -> bool:
    """Read whether bridged packets meet the IP families' rules."""
    name = "bridge-nf-call-iptables" if version == IPV4 else "bridge-nf-call-ip6tables"
    return bool(_number("bridge", "", name))


def _number(*parts: str) -> int | None:
    # Joined as a path: a device's name may have dots.
    try:
        return int((SYSCTLS / Path(*parts)).read_text())
    except (OSError, ValueError):
        return None
