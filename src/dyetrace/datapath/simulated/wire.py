"""What carries simulated sightings to the hosts that see them, in this process or another."""

import asyncio
import socket
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Protocol

import numpy as np

from dyetrace.model.record import RECORD, RecordArray

HEADER = Struct("<I")  # the host's index
MOST_AT_ONCE = 400  # records in a datagram
AGAIN_S = 0.001
BUFFER = 8 * 1024 * 1024

Taker = Callable[[RecordArray], None]


class Wire(Protocol):
    """Brings records to their hosts."""

    def carry(self, host: int, rows: RecordArray) -> None:
        """Bring records to a host, by index; it may not be there."""


class LocalWire:
    """For hosts that are all in this process."""

    def __init__(self) -> None:
        """Begin without any."""
        self.takers: dict[int, Taker] = {}

    def carry(self, host: int, rows: RecordArray) -> None:
        """Hand them over."""
        if (taker := self.takers.get(host)) is not None:
            taker(rows)


class DatagramWire:
    """For hosts in several processes of this machine: a Unix socket for each process."""

    def __init__(self, sockets: Mapping[int, Path], own: Path) -> None:
        """Say by which socket each host is reached, and which is this process's."""
        self._local = LocalWire()
        self._sockets = sockets
        self._own = own
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        for which in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._socket.setsockopt(socket.SOL_SOCKET, which, BUFFER)
        with suppress(FileNotFoundError):
            own.unlink()
        self._socket.bind(str(own))
        self._waiting: defaultdict[str, deque[bytes]] = defaultdict(deque)  # by socket

    @property
    def takers(self) -> dict[int, Taker]:
        """Who takes records here, by host."""
        return self._local.takers

    def fileno(self) -> int:
        """A descriptor that is readable when there is something to take."""
        return self._socket.fileno()

    def carry(self, host: int, rows: RecordArray) -> None:
        """Hand records over, or send them to the process that has the host."""
        there = self._sockets.get(host, self._own)
        if there == self._own:
            self._local.carry(host, rows)
            return
        waiting = self._waiting[str(there)]
        is_idle = not waiting
        for first in range(0, len(rows), MOST_AT_ONCE):
            part = rows[first : first + MOST_AT_ONCE]
            waiting.append(HEADER.pack(host) + part.tobytes())
        if is_idle:
            self._send(str(there))

    def _send(self, there: str) -> None:
        """Send what waits for a process, which takes a few datagrams at a time; later the rest."""
        waiting = self._waiting[there]
        try:
            while waiting:
                self._socket.sendto(waiting[0], there)
                waiting.popleft()
        except BlockingIOError:
            asyncio.get_running_loop().call_later(AGAIN_S, self._send, there)
        except OSError:  # it is gone
            waiting.clear()

    def take(self) -> None:
        """Hand over what has come."""
        with suppress(BlockingIOError):
            while True:
                data = self._socket.recv(BUFFER)
                (host,) = HEADER.unpack_from(data)
                rows = np.frombuffer(data[HEADER.size :], dtype=RECORD)
                self._local.carry(host, rows)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()
        with suppress(FileNotFoundError):
            self._own.unlink()
