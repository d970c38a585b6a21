"""The state of a namespace's devices: links, queues, bridge tables, sysctls."""

import socket
from collections.abc import Collection, Iterator
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.site import LinkState, Queue

IFF_UP = 1
IFF_LOWER_UP = 1 << 16
NO_QUEUE = "noqueue"
BYTES_OF_LIMIT = 4
SYSCTLS = {
    4: ("net.ipv4.conf.{}.rp_filter", "net.ipv4.conf.{}.forwarding"),
    6: ("net.ipv6.conf.{}.forwarding", "net.ipv6.conf.{}.disable_ipv6"),
}
WHOLE_NAMESPACE_SYSCTLS = (
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_max",
    "net.bridge.bridge-nf-call-iptables",
    "net.bridge.bridge-nf-call-ip6tables",
)


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

    def state(self, ifindex: int) -> LinkState | None:
        """Say whether a link could carry a packet."""
        link = self.link(ifindex)
        if link is None:
            return None
        return LinkState(
            name=self.name(ifindex),
            is_admin_up=bool(link["flags"] & IFF_UP),
            has_carrier=bool(link["flags"] & IFF_LOWER_UP),
            mtu=int(link.get_attr("IFLA_MTU") or 0),
            kind=self.kind(ifindex),
            master=self.name(self.master(ifindex)),
        )

    def has_address(self, ifindex: int, version: int) -> bool:
        """Whether a link has an address, so that packets can be routed there."""
        family = socket.AF_INET if version == 4 else socket.AF_INET6  # noqa: PLR2004 - IP's own
        return any(True for _ in self._ipr.get_addr(family=family, index=ifindex))

    def port_towards(self, bridge: int, mac: str) -> int:
        """Find the bridge port that frames to a MAC address leave by; 0: by all of them."""
        for entry in self._ipr.fdb("dump"):
            if entry.get_attr("NDA_MASTER") == bridge and entry.get_attr("NDA_LLADDR") == mac:
                return int(entry["ifindex"])
        return 0

    def queues(self, ifindexes: Collection[int]) -> Iterator[Queue]:
        """Yield the queueing disciplines of some links, in the order of their handles."""
        for message in self._ipr.get_qdiscs():
            if message["index"] not in ifindexes:
                continue
            kind = message.get_attr("TCA_KIND") or ""
            if kind == NO_QUEUE:
                continue
            statistics = message.get_attr("TCA_STATS2")
            counters = statistics.get_attr("TCA_STATS_QUEUE") if statistics else None
            counters = counters or {}
            yield Queue(
                device=self.name(message["index"]),
                kind=kind,
                handle=f"{message['handle'] >> 16:x}:",
                packets=counters.get("qlen", 0),
                bytes=counters.get("backlog", 0),
                limit=self._limit(message, kind),
                drops=counters.get("drops", 0),
            )

    def _limit(self, message: Message, kind: str) -> int:
        found = limit_of(kind, message.get_attr("TCA_OPTIONS"))
        if found or kind != "pfifo_fast":
            return found
        link = self.link(message["index"])
        return int(link.get_attr("IFLA_TXQLEN") or 0) if link else 0


def limit_of(kind: str, options: object) -> int:
    """Pick a queue's limit from its options: in bytes for tbf and bfifo, else in packets."""
    if isinstance(options, str):  # not decoded: bytes in hexadecimal, with colons
        raw = bytes.fromhex(options.replace(":", "")) if options else b""
        is_fifo = kind.endswith("fifo") and len(raw) >= BYTES_OF_LIMIT
        return int.from_bytes(raw[:BYTES_OF_LIMIT], "little") if is_fifo else 0
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


def read_sysctls(device: str, version: int) -> dict[str, str]:
    """Read the switches that decide over forwarding, as far as this kernel has them."""
    names = [name.format(where) for name in SYSCTLS[version] for where in ("all", "\0") if device]
    found = {}
    for name in (*names, *WHOLE_NAMESPACE_SYSCTLS):
        path = Path("/proc/sys", *name.split("."))
        # A device's own name may have dots: it must not be split, and is written with slashes.
        path = Path(*(device if part == "\0" else part for part in path.parts))
        try:
            value = path.read_text().strip()
        except OSError:
            continue
        found[name.replace("\0", device.replace(".", "/"))] = value
    return found
