"""Generated records: several tasks and tenants, VXLAN between hosts, NAT, drops and vanishings.

Each way that packets take is a template of rows; a batch repeats templates and
fills in what differs from packet to packet. Deterministic: a batch has a number.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any

import numpy as np
import numpy.typing as npt

from dyetrace.model.packet import Encapsulation, FiveTuple, Outer, Protocol
from dyetrace.model.record import RECORD, Point, RecordArray, RecordFlag, packed_address
from dyetrace.model.topology import Host, Nic, Port, PortKind, Topology, Vfd, VfdKind
from dyetrace.wire import blobs

HOSTS = 8
TASKS = 6
SWITCH, ROUTER = 100, 200  # namespaces, of every host
UPLINK, TO_ROUTER_A, TO_ROUTER_B, FIRST_VNIC = 2, 10, 11, 20
SIDE_A, SIDE_B, OUTSIDE = 2, 3, 4  # of a vRouter
NAT_ADDRESS = "203.0.113.2"
INTERNET = "198.51.100.9"
NETFILTER_DROP, NO_ROUTE = 8, 21
HOP_NS = 5_000

Place = tuple[int, int, int, Point]
SHARES = {
    "delivered": 0.85,
    "translated": 0.05,
    "refused": 0.04,
    "unrouted": 0.03,
    "vanished": 0.03,
}
"""What becomes of packets; a loss worth tracing is seldom total."""


def address(host: int) -> str:
    """The VM's, one a host."""
    return f"10.0.{host}.11"


def vtep(host: int) -> str:
    """The host's own, on the underlay."""
    return f"172.31.{host}.1"


def topology() -> Topology:
    """Hosts with a vSwitch, a vRouter and a VM each; the last one's vRouter leads out."""
    return Topology(hosts=tuple(_host(number) for number in range(1, HOSTS + 1)))


def _host(number: int) -> Host:
    port = partial(Port, host_number=number, name="")
    nic = Nic(id=f"vm-{number}", vm=f"vm-{number}", addresses=(ip_address(address(number)),))
    switch = (
        port(
            netns=SWITCH,
            ifindex=UPLINK,
            name="",
            kind=PortKind.UPLINK,
            addresses=(ip_address(vtep(number)),),
        ),
        port(netns=SWITCH, ifindex=TO_ROUTER_A, kind=PortKind.LINK, peer=(ROUTER, SIDE_A)),
        port(netns=SWITCH, ifindex=TO_ROUTER_B, kind=PortKind.LINK, peer=(ROUTER, SIDE_B)),
        port(netns=SWITCH, ifindex=FIRST_VNIC, kind=PortKind.VNIC, nic=nic),
    )
    router = (
        port(netns=ROUTER, ifindex=SIDE_A, kind=PortKind.LINK, peer=(SWITCH, TO_ROUTER_A)),
        port(netns=ROUTER, ifindex=SIDE_B, kind=PortKind.LINK, peer=(SWITCH, TO_ROUTER_B)),
        port(netns=ROUTER, ifindex=OUTSIDE, kind=PortKind.EXTERNAL),
    )
    return Host(
        number=number,
        name=f"cn-{number}",
        vfds=(
            _vfd(number, SWITCH, "vswitch", VfdKind.VSWITCH, switch),
            _vfd(number, ROUTER, "vrouter", VfdKind.VROUTER, router),
        ),
    )


def _vfd(host: int, netns: int, name: str, kind: VfdKind, ports: tuple[Port, ...]) -> Vfd:
    return Vfd(host_number=host, netns=netns, name=name, netns_name=name, kind=kind, ports=ports)


def name_drop(record: object) -> tuple[str, str]:
    """Name a drop, as an agent would."""
    reason = getattr(record, "drop_reason", 0)
    return {NETFILTER_DROP: "NETFILTER_DROP", NO_ROUTE: "IP_OUTNOROUTES"}.get(
        reason, "NOT_SPECIFIED"
    ), "a_function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way that packets of one task take."""

    rows: RecordArray
    share: float


def _ways(task: int, protocol: Protocol) -> Iterator[Way]:
    """The ways of one task's packets, from host `task` to the next host but one."""
    source, goal = task, (task + 1) % HOSTS + 1
    flow = _flow(address(source), address(goal), protocol)
    outer = Outer(
        encapsulation=Encapsulation.VXLAN,
        src=ip_address(vtep(source)),
        dst=ip_address(vtep(goal)),
        vni=100 + task,
    )
    start: list[Place] = [
        (source, SWITCH, FIRST_VNIC, Point.INGRESS),
        (source, SWITCH, TO_ROUTER_A, Point.EGRESS),
        (source, ROUTER, SIDE_A, Point.INGRESS),
    ]
    routed: list[Place] = [
        (source, ROUTER, SIDE_B, Point.EGRESS),
        (source, SWITCH, TO_ROUTER_B, Point.INGRESS),
        (source, SWITCH, UPLINK, Point.EGRESS),
    ]
    came: list[Place] = [(goal, SWITCH, UPLINK, Point.INGRESS)]
    ends: dict[str, list[Place]] = {
        "delivered": [*start, *routed, *came, (goal, SWITCH, FIRST_VNIC, Point.EGRESS)],
        "refused": [*start, *routed, *came, (goal, SWITCH, UPLINK, Point.DROP)],
        "unrouted": [*start, (source, ROUTER, SIDE_A, Point.DROP)],
        "vanished": [*start, *routed],
        "translated": [*start, (source, ROUTER, OUTSIDE, Point.EGRESS)],
    }
    for fate, places in ends.items():
        rows = _template(task, places, flow, outer)
        rows["drop_reason"][rows["point"] == Point.DROP] = (
            NETFILTER_DROP if fate == "refused" else NO_ROUTE
        )
        if fate == "translated":
            rows["dst"] = np.void(packed_address(ip_address(INTERNET)))
            rows["src"][-1] = np.void(packed_address(ip_address(NAT_ADDRESS)))
        yield Way(rows=rows, share=SHARES[fate] / TASKS)


def _flow(source: str, destination: str, protocol: Protocol) -> FiveTuple:
    return FiveTuple(
        src=ip_address(source),
        dst=ip_address(destination),
        protocol=protocol,
        src_port=0,
        dst_port=5432,
    )


def _template(task: int, places: Sequence[Place], flow: FiveTuple, outer: Outer) -> RecordArray:
    rows = np.zeros(len(places), dtype=RECORD)
    for row, (number, (host, netns, ifindex, point)) in zip(rows, enumerate(places), strict=True):
        facts: dict[str, Any] = {
            "host": host,
            "netns": netns,
            "ifindex": ifindex,
            "point": point,
            "seen_ns": number * HOP_NS,
            "src": np.void(packed_address(flow.src)),
            "dst": np.void(packed_address(flow.dst)),
            "protocol": flow.protocol,
            "dst_port": flow.dst_port,
            "ttl": 64 if number <= 2 else 63,
            "call_site": 0xFFFFFFFF81000000 if point is Point.DROP else 0,
        }
        for name, value in facts.items():
            row[name] = value
        if ifindex in {FIRST_VNIC, OUTSIDE} and point is Point.EGRESS:
            row["flags"] = RecordFlag.RESTORED
        if (netns, ifindex) == (SWITCH, UPLINK) and point is not Point.DROP:
            row["encapsulation"], row["vni"] = outer.encapsulation, outer.vni
            row["outer_src"] = np.void(packed_address(outer.src))
            row["outer_dst"] = np.void(packed_address(outer.dst))
    rows["task_id"][0] = task * 0x9E3779B97F4A7C15 % 2**63
    return rows


class Mix:
    """All ways of all tasks; tcp: every other task traces TCP."""

    def __init__(self, *, tcp: bool = False) -> None:
        ways = [
            way
            for task in range(1, TASKS + 1)
            for way in _ways(task, Protocol.TCP if tcp and task % 2 else Protocol.UDP)
        ]
        self._shares = [way.share for way in ways]
        self._lengths = np.array([len(way.rows) for way in ways])
        self._first = np.r_[0, np.cumsum(self._lengths)[:-1]]
        self._rows = np.concatenate([way.rows for way in ways])

    def batch(self, number: int, packets: int) -> RecordArray:
        """Make all records of this many packets, as they arrive: host by host, in time order."""
        draw = np.random.default_rng(number)
        way = draw.choice(len(self._lengths), size=packets, p=self._shares)
        length = self._lengths[way]
        packet = np.repeat(np.arange(packets), length)
        position = np.arange(len(packet)) - np.repeat(np.cumsum(length) - length, length)
        records = self._rows[self._first[way][packet] + position]
        records["digest"] = _each(draw, packet, packets, 1, 2**63)
        records["seen_ns"] += _each(draw, packet, packets, 0, 10**9).astype(np.int64)
        records["seen_ns"] += draw.integers(0, HOP_NS, len(records))
        for name, least, most in (
            ("ip_id", 0, 2**16),
            ("tcp_seq", 0, 2**32),
            ("src_port", 32768, 32868),
            ("payload_length", 1, 1400),
        ):
            records[name] = _each(draw, packet, packets, least, most)
        arrived: RecordArray = records[np.lexsort((records["seen_ns"], records["host"]))]
        return arrived


def _each(
    draw: np.random.Generator, packet: npt.NDArray[np.int64], packets: int, least: int, most: int
) -> npt.NDArray[np.uint64]:
    """Draw a number for each packet, the same for all of its records."""
    return draw.integers(least, most, packets, dtype=np.uint64)[packet]


def packed(records: RecordArray) -> list[bytes]:
    """Cut into blobs as agents do: each of one host."""
    cuts = np.flatnonzero(np.diff(records["host"])) + 1
    return [
        blobs.pack(part[first : first + blobs.RECORDS_PER_BLOB])
        for part in np.split(records, cuts)
        for first in range(0, len(part), blobs.RECORDS_PER_BLOB)
    ]
