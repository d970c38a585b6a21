"""Run the programs on packets that were never on a wire (BPF_PROG_TEST_RUN)."""

import time
from types import TracebackType
from typing import Any, Self

from scapy.layers.inet import IP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet

from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.libbpf import run_program
from dyetrace.datapath.linux.netns import netns_number
from dyetrace.datapath.linux.programs import Programs
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import ColorMap
from dyetrace.model.record import Point
from dyetrace.model.task import Limits

FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
COLORS = ColorMap(((0, 43), (46, 47)))
COLOR = 43
LOOPBACK = 1  # what test runs name as the packet's device
CARRY_ON = -1
HOUR_NS = 3600 * 10**9


class Bench:
    """Programs without ports; the packets' device is our own loopback."""

    def __init__(self, **options: Any) -> None:
        self.programs = Programs(colors=COLORS, **options)
        self.netns = netns_number()
        self.port = PortHandle(netns=self.netns, namespace="/proc/self/ns/net", ifindex=LOOPBACK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.programs.close()

    def reset(self) -> None:
        for slot in range(64):
            self.programs.clear_policy(slot)
        self.programs.drain()

    def policy(self, slot: int = 0, **filter_: Any) -> None:
        """Have packets colored; what is not of the filter is of the limits or the policy."""
        limits = Limits(
            packet_count=filter_.pop("packet_count", 1000),
            packets_per_second=filter_.pop("packets_per_second", 100_000),
        )
        expires_ns = filter_.pop("expires_ns", time.monotonic_ns() + HOUR_NS)
        burst_ns = filter_.pop("burst_ns", HOUR_NS)
        ports = filter_.pop("ports", [self.port])
        self.programs.set_policy(
            slot, PacketFilter(**filter_), limits, ports, expires_ns=expires_ns, burst_ns=burst_ns
        )

    def color(self, packet: Packet | bytes) -> bytes:
        """Give the frame as it is after coloring."""
        return run(self.programs.color_program(), packet)

    def hop(
        self, packet: Packet | bytes, point: Point = Point.EGRESS, *, restore: bool = False
    ) -> bytes:
        """Give the frame as it is after logging."""
        return run(self.programs.hop_program(point, restore=restore), packet)

    def sighting(self) -> Any:
        """Give the only sighting there is."""
        found = self.programs.drain()
        assert len(found) == 1, f"{len(found)} sightings"
        return found[0]

    def has_colored(self, packet: Packet) -> bool:
        before = framed(packet)
        return self.color(before) != before


def run(program: int, packet: Packet | bytes) -> bytes:
    returned, after, _ = run_program(program, framed(packet))
    assert returned == CARRY_ON
    return after


def framed(packet: Packet | bytes) -> bytes:
    """Give the bytes of a frame; IP packets get an Ethernet header."""
    if isinstance(packet, bytes):
        return packet
    return bytes(packet if isinstance(packet, Ether) else FRAME / packet)


def dyed(packet: Packet, color: int = COLOR) -> Packet:
    """Give a copy whose outermost IP header is colored; its ECN stays."""
    copy = packet.copy()
    if isinstance(copy, IP):
        copy.tos = color << 2 | (copy.tos & 3)
    elif isinstance(copy, IPv6):
        copy.tc = color << 2 | (copy.tc & 3)
    return copy


def head(sighting: Any) -> bytes:
    """Give the part of a sighting's head that is the packet's."""
    return bytes(sighting["head"][: sighting["head_length"]])


def checksum_is_right(packet: bytes) -> bool:
    """Whether an IPv4 header (RFC 791) sums up to all ones."""
    header = packet[: (packet[0] & 0xF) * 4]
    total = sum(int.from_bytes(header[at : at + 2], "big") for at in range(0, len(header), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF
