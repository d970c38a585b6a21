"""One controller's session: what it is to get, and the connection that it has just now."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

from dyetrace.agent.outbox import Outbox
from dyetrace.wire import frames
from dyetrace.wire.messages import Answer, Health, SessionId, Shipped

HEALTH_EVERY_S = 1.0  # where nothing changes
MOST_UNSENT = 64 * 1024  # bytes; health is told when there is less


@dataclass(slots=True)
class Connection:
    """One connection of a session: sends what is in the outbox, as fast as it is read."""

    writer: asyncio.StreamWriter
    outbox: Outbox
    sent: int = 0  # the number of the last shipment that was handed to the writer
    is_last: bool = False  # what it does not bring, no other will
    _there_is_more: asyncio.Event = field(default_factory=asyncio.Event)
    _is_sent: asyncio.Event = field(default_factory=asyncio.Event)
    _told: Health | None = None
    _told_at: float = 0.0

    async def run(self) -> None:
        """Send until cancelled or disconnected."""
        with suppress(ConnectionError):
            while True:
                entry = self.outbox.after(self.sent)
                if entry is None:
                    self._is_sent.set()
                    self._there_is_more.clear()
                    await self._there_is_more.wait()
                    continue
                self.writer.write(entry.data)
                self.sent = entry.number
                if self.is_last:
                    self.outbox.acknowledge(entry.number)
                await self.writer.drain()

    @property
    def has_sent_all(self) -> bool:
        """Whether nothing waits for the other side to read."""
        return self.outbox.after(self.sent) is None

    def notice(self) -> None:
        """There is something new in the outbox."""
        self._is_sent.clear()
        self._there_is_more.set()

    async def all_sent(self) -> None:
        """Wait until all that is in the outbox was handed to the connection."""
        self.notice()
        while not self._is_sent.is_set():  # once it was, more may have come before we go on
            await self._is_sent.wait()

    async def answer(self, answer: Answer) -> None:
        """Send an answer, waiting while the other side is slow."""
        with suppress(ConnectionError):
            await frames.send(self.writer, answer)

    def tell(self, health: Health, *, at_once: bool = False) -> None:
        """Say how it goes, if there is news; not to who does not read."""
        now = time.monotonic()
        is_news = health != self._told or now - self._told_at >= HEALTH_EVERY_S
        is_read = self.writer.transport.get_write_buffer_size() < MOST_UNSENT
        if at_once or (is_news and is_read and not self.writer.is_closing()):
            self.writer.write(frames.framed(health))
            self._told, self._told_at = health, now


@dataclass(slots=True)
class Session:
    """What a controller's connections have in common."""

    id: SessionId
    outbox: Outbox
    is_resumable: bool = False
    reads_log: bool = False  # and is not sent records
    connection: Connection | None = None
    away_since: float = field(default_factory=time.monotonic)

    def ship(self, shipped: Shipped) -> None:
        """Put something on its way."""

        def framed(number: int, before: int) -> bytes:
            return frames.framed(replace(shipped, number=number, before=before))

        self.outbox.put(framed, records=shipped.records)
        if self.connection is None:
            self.outbox.put_away()
        else:
            self.connection.notice()

    def connect(self, connection: Connection) -> None:
        """Take a new connection instead of the one there was."""
        if self.connection is not None and self.connection is not connection:
            self.connection.writer.transport.abort()
        self.connection = connection

    def disconnect(self) -> None:
        """Be without a connection."""
        self.connection = None
        self.away_since = time.monotonic()
        self.outbox.put_away()
