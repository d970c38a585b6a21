"""The seam: where an agent keeps what a log has not yet acknowledged."""

from collections import deque
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing to send."""

    number: int  # of all that this spool was given, from 1 on
    records: int
    data: bytes


class Spool(Protocol):
    """Entries in order; where room is short the oldest are dropped and counted."""

    @property
    def dropped(self) -> int:
        """How many records were dropped."""

    def append(self, records: int, data: bytes) -> int:
        """Keep an entry; returns its number."""

    def after(self, number: int) -> Entry | None:
        """Give the oldest entry that is younger than this one."""

    def forget_through(self, number: int) -> None:
        """Let go of what is acknowledged: this entry, and all that are older."""


@dataclass(slots=True)
class MemorySpool:
    """A spool in memory, for tests and for agents without a disk."""

    most_bytes: int = 16 * 1024 * 1024
    dropped: int = 0
    _entries: deque[Entry] = field(default_factory=deque)
    _bytes: int = 0
    _last: int = 0

    def append(self, records: int, data: bytes) -> int:
        """Keep an entry; returns its number."""
        self._last += 1
        self._entries.append(Entry(number=self._last, records=records, data=data))
        self._bytes += len(data)
        while self._bytes > self.most_bytes and len(self._entries) > 1:
            self.dropped += self._let_go().records
        return self._last

    def after(self, number: int) -> Entry | None:
        """Give the oldest entry that is younger than this one."""
        if not self._entries or self._entries[-1].number <= number:
            return None
        # Numbers have no gaps, for only the oldest are ever let go.
        return self._entries[max(0, number + 1 - self._entries[0].number)]

    def forget_through(self, number: int) -> None:
        """Let go of what is acknowledged."""
        while self._entries and self._entries[0].number <= number:
            self._let_go()

    def _let_go(self) -> Entry:
        entry = self._entries.popleft()
        self._bytes -= len(entry.data)
        return entry
