"""What the programs on a cross-host path cost an undyed packet: computed, not timed in place."""

import time
from datetime import timedelta
from ipaddress import ip_network

from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.netns import netns_number
from dyetrace.datapath.linux.programs import Programs
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap
from dyetrace.model.record import Point
from dyetrace.model.task import Limits
from lib.costs import Case, Runs, measure
from lib.empty import empty_program
from lib.frames import TCP, UDP, ipv4_frame, vxlan_frame

COLOR = 43
HOUR_NS = 3600 * 10**9
PLAIN_HOPS = 4  # both sides of the two links between vSwitch and vRouter
VXLAN_HOPS = 2  # both uplinks
RUNS = Runs(rounds=40, undyed=20_000)


def loopback() -> PortHandle:
    """Name the device that packets of test runs come in by."""
    return PortHandle(netns=netns_number(), namespace="/proc/self/ns/net", ifindex=1)


def add_policy(programs: Programs, slot: int, destination: str, *, per_second: int = 1000) -> None:
    """Have packets to a destination's port 5432 colored, at this rate and in no burst."""
    programs.set_policy(
        slot,
        PacketFilter(dst=ip_network(destination), dst_port=5432),
        Limits(packet_count=1000, trace_time=timedelta(hours=1), packets_per_second=per_second),
        [loopback()],
        expires_ns=time.monotonic_ns() + HOUR_NS,
        burst_ns=0,
    )


def path_costs_ns(protocol: str) -> list[float]:
    """Add up, once a round, the eight programs from blue-web to blue-db."""
    inner = ipv4_frame(UDP if protocol == "udp" else TCP)
    with Programs(colors=ColorMap(((0, COLOR),))) as programs, empty_program() as empty:
        add_policy(programs, 0, "10.0.9.9")
        log = programs.hop_program(Point.EGRESS)
        restore = programs.hop_program(Point.EGRESS, restore=True)
        color = Case(name="color", program=programs.color_program(), frame=inner, is_undyed=True)
        plain = Case(name="hop", program=log, frame=inner, is_undyed=True)
        vxlan = Case(name="uplink", program=log, frame=vxlan_frame(inner), is_undyed=True)
        last = Case(name="delivery", program=restore, frame=inner, is_undyed=True)
        cases = (color, plain, vxlan, last)
        measure(cases, programs, empty=empty, runs=RUNS)
    return [
        first + PLAIN_HOPS * hop + VXLAN_HOPS * uplink + delivery
        for first, hop, uplink, delivery in zip(*(case.net_ns for case in cases), strict=True)
    ]
