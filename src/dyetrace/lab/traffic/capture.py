"""Count the packets of exactly one flow where they pass a vNIC."""

import socket
import struct
from collections import Counter
from dataclasses import dataclass
from typing import Literal

ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_STATISTICS = 6
PACKET_OUTGOING = 4
SO_RCVBUFFORCE = 33
BUFFER_BYTES = 8 << 20
STATISTICS = struct.Struct("=II")  # packets, drops
# An IPv6 header with a fragment header and the first bytes of L4 fit in this.
SNAP_BYTES = 96

IPV4 = 4
IPV6 = 6
IPV6_HEADER = 40
IPV6_FRAGMENT = 44
ECHO_REQUESTS = {4: 8, 6: 128}
L4_NUMBERS = {
    ("udp", 4): socket.IPPROTO_UDP,
    ("udp", 6): socket.IPPROTO_UDP,
    ("tcp", 4): socket.IPPROTO_TCP,
    ("tcp", 6): socket.IPPROTO_TCP,
    ("icmp", 4): socket.IPPROTO_ICMP,
    ("icmp", 6): socket.IPPROTO_ICMPV6,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The packets to count, as they look at this place."""

    protocol: Literal["udp", "tcp", "icmp"]
    family: Literal[4, 6]
    source: bytes | None  # packed address; None where a gateway may have rewritten it
    destination: bytes
    source_port: int  # the identifier, for ICMP
    port: int


class Capture:
    """A tap on one device in one direction. Open it inside the namespace."""

    def __init__(self, device: str, *, outgoing: bool) -> None:
        # Without link-layer header, so that a vNIC and a bridge look the same. All protocols:
        # the kernel shows outgoing packets to no other kind of tap.
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL)
        )
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._socket.bind((device, ETH_P_ALL))
        self._outgoing = outgoing
        self._missed = 0
        self.wanted: Wanted | None = None
        self.count = 0
        self.dscp: Counter[int] = Counter()

    def fileno(self) -> int:
        """Let a selector watch it."""
        return self._socket.fileno()

    def drain(self) -> None:
        """Count what has been seen since the last time."""
        while True:
            try:
                packet, where = self._socket.recvfrom(SNAP_BYTES)
            except BlockingIOError:
                return
            if (where[2] == PACKET_OUTGOING) is not self._outgoing or self.wanted is None:
                continue
            traffic_class = match(packet, self.wanted)
            if traffic_class is not None:
                self.count += 1
                self.dscp[traffic_class >> 2] += 1

    @property
    def missed(self) -> int:
        """How many packets found the buffer full."""
        # Reading the statistics resets them.
        answer = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, STATISTICS.size)
        self._missed += STATISTICS.unpack(answer)[1]
        return self._missed

    def close(self) -> None:
        """Take the tap away."""
        self._socket.close()


def match(packet: bytes, wanted: Wanted) -> int | None:
    """Give the TOS or traffic class byte of a packet of the flow, None for any other packet."""
    try:
        return MATCHERS[wanted.family](packet, wanted)
    except (IndexError, struct.error):
        return None  # too short to be of the flow


def match_v4(packet: bytes, wanted: Wanted) -> int | None:
    """Compare with an IPv4 packet; later fragments carry no ports and are not counted."""
    if packet[0] >> 4 != IPV4 or packet[9] != L4_NUMBERS[wanted.protocol, 4]:
        return None
    if wanted.source not in (None, packet[12:16]) or packet[16:20] != wanted.destination:
        return None
    (fragment,) = struct.unpack_from("!H", packet, 6)
    if fragment & 0x1FFF:
        return None
    header_bytes = (packet[0] & 0x0F) * 4
    return packet[1] if matches_l4(packet[header_bytes:], wanted) else None


def match_v6(packet: bytes, wanted: Wanted) -> int | None:
    """Compare with an IPv6 packet, looking behind a fragment header."""
    if packet[0] >> 4 != IPV6:
        return None
    if wanted.source not in (None, packet[8:24]) or packet[24:40] != wanted.destination:
        return None
    next_header, offset = packet[6], IPV6_HEADER
    if next_header == IPV6_FRAGMENT:
        (fragment,) = struct.unpack_from("!H", packet, offset + 2)
        if fragment & 0xFFF8:
            return None
        next_header, offset = packet[offset], offset + 8
    if next_header != L4_NUMBERS[wanted.protocol, 6] or not matches_l4(packet[offset:], wanted):
        return None
    # The traffic class straddles the first two bytes.
    return (packet[0] << 4 | packet[1] >> 4) & 0xFF


def matches_l4(segment: bytes, wanted: Wanted) -> bool:
    """Whether the ports are the flow's, or it is an echo request with the flow's identifier."""
    if wanted.protocol == "icmp":
        if segment[0] != ECHO_REQUESTS[wanted.family]:
            return False
        (identifier,) = struct.unpack_from("!H", segment, 4)
        return bool(identifier == wanted.source_port)
    return struct.unpack_from("!HH", segment) == (wanted.source_port, wanted.port)


MATCHERS = {IPV4: match_v4, IPV6: match_v6}
