"""TCP at full speed, in segments as large as the stack makes them."""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import Literal

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.traffic import sockets
from dyetrace.lab.traffic.exchange import flow_between
from dyetrace.lab.traffic.flow import Destination, Flow, Source, opened_in

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReport:
    """What a bulk transfer achieved."""

    flow: Flow
    source_port: int
    connected: bool
    sent_bytes: int  # taken by the source's kernel
    received_bytes: int  # read by the receiving program
    seconds: float

    @property
    def bits_per_second(self) -> float:
        """What arrived, by the receiver's clock."""
        return self.received_bytes * 8 / self.seconds if self.seconds else 0.0


def bulk_tcp(  # noqa: PLR0913  # all but the ends have defaults
    cloud: Cloud,
    source: Source | str,
    destination: Destination | str,
    *,
    size: int = 64 << 20,
    deadline: float = 5.0,
    family: Literal[4, 6] = 4,
    port: int = 5001,
    dscp: int = 0,
) -> BulkReport:
    """Send `size` bytes as fast as they go, giving up at the deadline. Raises PortInUse."""
    flow = flow_between(
        cloud, source, destination, protocol="tcp", family=family, port=port, dscp=dscp
    )
    until = time.monotonic() + deadline
    with (
        opened_in(
            flow.receiver.netns, lambda: sockets.receiver(flow, socket.SOCK_STREAM)
        ) as listener,
        opened_in(flow.source.netns, lambda: sockets.sender(flow, socket.SOCK_STREAM)) as client,
    ):
        source_port: int = client.getsockname()[1]
        sent: list[int] = []
        sender = threading.Thread(
            target=lambda: sent.append(pour(client, flow, size=size, until=until)), daemon=True
        )
        start = time.monotonic()
        sender.start()
        connected, received = swallow(listener, until=until)
        sender.join()
        return BulkReport(
            flow=flow,
            source_port=source_port,
            connected=connected,
            sent_bytes=sent[0],
            received_bytes=received,
            seconds=time.monotonic() - start,
        )


def pour(client: socket.socket, flow: Flow, *, size: int, until: float) -> int:
    """Connect and send; give the bytes the kernel took."""
    chunk = memoryview(bytes(CHUNK_BYTES))
    sent = 0
    # The deadline, a reset or an ICMP error end it: what was sent so far is the answer.
    with contextlib.suppress(OSError):
        client.settimeout(left(until))
        client.connect((flow.dialled_address, flow.port))
        while sent < size and time.monotonic() < until:
            client.settimeout(left(until))
            sent += client.send(chunk[: size - sent])
        client.shutdown(socket.SHUT_WR)
    return sent


def swallow(listener: socket.socket, *, until: float) -> tuple[bool, int]:
    """Accept one connection and read it to its end; give whether it came, and its bytes."""
    room = bytearray(CHUNK_BYTES)
    received = 0
    listener.settimeout(left(until))
    try:
        sock, _ = listener.accept()
    except TimeoutError:
        return False, 0
    with sock, contextlib.suppress(OSError):
        while time.monotonic() < until:
            sock.settimeout(left(until))
            count = sock.recv_into(room)
            if not count:
                break
            received += count
    return True, received


def left(until: float) -> float:
    """Give the seconds to a point in time, a little more than none."""
    return max(0.001, until - time.monotonic())
