"""Several sessions over one connection: numbered streams of bytes, each with a window of its own.

The controller opens streams, the agent accepts them. A stream that nobody reads
stops when its window is full, and holds up no other.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from struct import Struct

from dyetrace.wire.codec import BadMessage

HEADER = Struct(">BII")  # kind, stream, and how many bytes follow or may follow
WINDOW = 1024 * 1024  # bytes on their way in one stream that were not read yet
CHUNK = 64 * 1024
MOST_STREAMS = 256
SILENT_FOR_S = 6  # a connection whose other side does not acknowledge is given up then

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Kind(IntEnum):
    """What a frame of the channel says."""

    OPEN = 1  # a stream begins
    DATA = 2  # bytes of it
    CREDIT = 3  # so many more bytes may come
    CLOSE = 4  # it ends, on both sides


@dataclass(slots=True)
class _Stream:
    """One session's bytes, both ways."""

    number: int
    credit: int = WINDOW
    has_credit: asyncio.Event = field(default_factory=asyncio.Event)
    unread: int = 0
    arrived: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)  # empty bytes: the end


class Channel:
    """One side of a connection that carries streams, for as long as it lasts."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        accept: Callable[[], Awaitable[Ends]] | None = None,
    ) -> None:
        """Take the connection; accept gives the local end of a stream that the other side opens."""
        self._reader, self._writer = reader, writer
        self._accept = accept
        self._streams: dict[int, _Stream] = {}
        self._carrying: set[asyncio.Task[None]] = set()
        self._numbers = count(1)

    async def run(self) -> None:
        """Carry until the connection ends; every stream ends with it. Raises BadMessage."""
        try:
            while True:
                kind, number, size = HEADER.unpack(await self._reader.readexactly(HEADER.size))
                await self._take(kind, number, size)
        except (asyncio.IncompleteReadError, OSError):
            pass  # the other side is gone
        finally:
            self._writer.transport.abort()
            for task in tuple(self._carrying):
                task.cancel()
            await asyncio.gather(*self._carrying, return_exceptions=True)

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Open a stream, and carry a local connection over it until either ends."""
        if self._writer.is_closing() or len(self._streams) >= MOST_STREAMS:
            writer.close()
            return
        stream = self._streams.setdefault(number := next(self._numbers), _Stream(number))
        self._send(Kind.OPEN, number)
        try:
            await self._start(self._carry(stream, reader, writer))
        finally:
            writer.close()  # also where the connection ended before the stream began

    async def _take(self, kind: int, number: int, size: int) -> None:
        stream = self._streams.get(number)
        match kind:
            case Kind.OPEN if self._accept is not None and stream is None:
                self._opened(number)
            case Kind.DATA if size <= CHUNK:
                data = await self._reader.readexactly(size)
                if stream is not None and data:
                    stream.unread += size
                    if stream.unread > WINDOW:
                        raise BadMessage(f"stream {number} overran its window")
                    stream.arrived.put_nowait(data)
            case Kind.CREDIT:
                if stream is not None:
                    stream.credit += size
                    stream.has_credit.set()
            case Kind.CLOSE:
                if stream is not None:
                    stream.arrived.put_nowait(b"")
            case _:
                raise BadMessage(f"no frame of the channel: kind {kind}, {size} bytes")

    def _opened(self, number: int) -> None:
        if len(self._streams) >= MOST_STREAMS:
            self._send(Kind.CLOSE, number)
            return
        stream = self._streams[number] = _Stream(number)
        self._start(self._accepted(stream))

    async def _accepted(self, stream: _Stream) -> None:
        assert self._accept is not None  # noqa: S101 - _take has looked
        try:
            reader, writer = await self._accept()
        except OSError:
            self._streams.pop(stream.number)
            self._send(Kind.CLOSE, stream.number)
            return
        await self._carry(stream, reader, writer)

    async def _carry(
        self, stream: _Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        both = [
            asyncio.create_task(self._outward(stream, reader)),
            asyncio.create_task(self._inward(stream, writer)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in both:
                each.cancel()
            self._streams.pop(stream.number)
            self._send(Kind.CLOSE, stream.number)
            writer.close()

    async def _outward(self, stream: _Stream, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                while data:
                    while not stream.credit:
                        stream.has_credit.clear()
                        await stream.has_credit.wait()
                    now, data = data[: stream.credit], data[stream.credit :]
                    stream.credit -= len(now)
                    self._send(Kind.DATA, stream.number, now)
                    await self._writer.drain()

    async def _inward(self, stream: _Stream, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await stream.arrived.get():
                writer.write(data)
                await writer.drain()
                stream.unread -= len(data)
                self._send(Kind.CREDIT, stream.number, size=len(data))

    def _send(self, kind: Kind, number: int, data: bytes = b"", *, size: int = 0) -> None:
        if not self._writer.is_closing():
            self._writer.write(HEADER.pack(kind, number, size or len(data)) + data)

    def _start(self, work: Awaitable[None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        return task


def notice_silence(sock: socket.socket) -> None:
    """Have the kernel end a connection whose other side is silent, also where nothing is sent."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, SILENT_FOR_S // 2)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, SILENT_FOR_S // 5)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_FOR_S * 1000)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
