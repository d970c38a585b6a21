"""ICMP: echo requests, which the receiver's kernel answers."""

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Mapping

from dyetrace.lab.traffic import sockets
from dyetrace.lab.traffic.capture import ECHO_REQUESTS, IPV4, IPV6, L4_NUMBERS
from dyetrace.lab.traffic.flow import Flow, opened_in, random_id

PATIENCE_S = 0.2
ECHO_REPLIES = {4: 0, 6: 129}
MESSAGE_BYTES = 65_535
HEADER_BYTES = 8


class IcmpTalker:
    """A raw socket that sends echo requests and counts the replies."""

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._socket = opened_in(flow.source.netns, self._open)
        self.source_port = random_id()
        self.replies = 0
        self._sent_ns: dict[int, int] = {}
        self._rtts_ns: list[int] = []

    @property
    def delivered(self) -> None:
        """No program receives echo requests."""
        return

    @property
    def rtts_ns(self) -> tuple[int, ...]:
        """From sending a request to reading its reply."""
        return tuple(self._rtts_ns)

    def watched(self) -> Mapping[int, Callable[[], None]]:
        """Watch for replies."""
        return {self._socket.fileno(): self._receive}

    def offer(self, sequence: int) -> None:
        """Send one echo request."""
        number = (sequence + 1) & 0xFFFF if self._flow.distinct else 1
        message = echo_request(
            self._flow.family, self.source_port, number, self._flow.payload(sequence)
        )
        self._sent_ns[number] = time.monotonic_ns()
        # What the source's own kernel refuses shows as not sent.
        with contextlib.suppress(OSError):
            self._socket.sendto(message, (self._flow.dialled_address, 0))

    def tend(self) -> float | None:
        """Nothing is due."""
        return None

    def finish(self) -> None:
        """ICMP does not say goodbye."""

    def patience_s(self) -> float:
        """Wait a little for replies under way."""
        return PATIENCE_S

    def is_satisfied(self, offered: int) -> bool:
        """Whether every request was answered."""
        return self.replies >= offered

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def _open(self) -> socket.socket:
        sock = socket.socket(
            sockets.FAMILIES[self._flow.family],
            socket.SOCK_RAW | socket.SOCK_NONBLOCK,
            L4_NUMBERS["icmp", self._flow.family],
        )
        sock.bind((self._flow.source_address, 0))
        return sockets.marked(self._flow, sock)

    def _receive(self) -> None:
        while True:
            try:
                message = self._socket.recv(MESSAGE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # an ICMP error about one of the requests: read on
            if self._flow.family == IPV4:
                message = message[(message[0] & 0x0F) * 4 :]  # raw IPv4 sockets get the header
            if len(message) < HEADER_BYTES or message[0] != ECHO_REPLIES[self._flow.family]:
                continue
            identifier, number = struct.unpack_from("!HH", message, 4)
            if identifier == self.source_port:
                self.replies += 1
                if number in self._sent_ns:
                    self._rtts_ns.append(time.monotonic_ns() - self._sent_ns[number])


def echo_request(family: int, identifier: int, number: int, payload: bytes) -> bytes:
    """Write an echo request. The kernel fills in the checksum of ICMPv6, which covers addresses."""
    header = struct.pack("!BBHHH", ECHO_REQUESTS[family], 0, 0, identifier, number)
    if family == IPV6:
        return header + payload
    checksum = internet_checksum(header + payload)
    return header[:2] + struct.pack("!H", checksum) + header[4:] + payload


def internet_checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
