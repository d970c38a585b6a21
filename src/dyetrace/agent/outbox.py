"""What one controller is to get, in order and numbered, until it needs no keeping.

The youngest are in memory; the others, and all while the controller is away, on
disk. What finds no room is dropped, the oldest first, and counted.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from dyetrace.agent.spool import Entry, Spool

MOST_IN_MEMORY = 1024 * 1024


@dataclass(slots=True)
class Outbox:
    """One session's shipments."""

    spool: Spool | None = None
    last: int = 0  # the number given last
    records: int = 0  # in all shipments so far
    dropped: int = 0  # records that found no room, sent or not
    records_acknowledged: int = 0
    most_in_memory: int = field(default_factory=lambda: MOST_IN_MEMORY)  # bytes
    _acknowledged: int = 0
    _memory: "deque[Entry]" = field(default_factory=deque)
    _in_memory: int = 0  # bytes

    def __post_init__(self) -> None:
        """Go on after what is on disk."""
        entry = self.spool.after(0) if self.spool else None
        if self.spool is None or entry is None:
            return
        self._acknowledged, self.records_acknowledged = entry.number - 1, entry.before
        self.last = self.spool.last
        youngest = self.spool.after(self.last - 1)
        self.records = youngest.before + youngest.records if youngest else entry.before

    @property
    def is_empty(self) -> bool:
        """Whether all is acknowledged."""
        return self.last <= self._acknowledged

    def go_on_after(self, number: int, records: int) -> None:
        """Give no number again that the other side has seen, from an earlier process of ours."""
        if number > self.last:
            self.last, self.records = number, records
            self.acknowledge(number)

    def put(self, framed: Callable[[int, int], bytes], *, records: int) -> None:
        """Add a shipment, made for its number and the count of records before it."""
        self.last += 1
        data = framed(self.last, self.records)
        entry = Entry(number=self.last, before=self.records, records=records, data=data)
        self.records += records
        self._memory.append(entry)
        self._in_memory += len(data)
        self._put_away(self.most_in_memory)

    def put_away(self) -> None:
        """Keep all on disk: the controller is away, and our own end may come before it is back."""
        if self.spool is not None:
            self._put_away(0)

    def after(self, number: int) -> Entry | None:
        """Give the entry to send after this one; None: there is none yet."""
        oldest = self._memory[0].number if self._memory else self.last + 1
        if number + 1 < oldest:
            entry = self.spool.after(number) if self.spool else None
            if entry is not None:
                return entry
            number = oldest - 1  # what was between is dropped
        at = number + 1 - oldest
        return self._memory[at] if at < len(self._memory) else None

    def acknowledge(self, number: int) -> None:
        """Forget what needs no keeping."""
        number = min(number, self.last)
        if number <= self._acknowledged:
            return
        following = self.after(number)
        self.records_acknowledged = following.before if following else self.records
        self._acknowledged = number
        while self._memory and self._memory[0].number <= number:
            self._in_memory -= len(self._memory.popleft().data)
        if self.spool is not None:
            self.spool.forget_through(number)

    def _put_away(self, most: int) -> None:
        while self._memory and self._in_memory > most:
            entry = self._memory[0]
            is_kept = self.spool is not None and self.spool.append(entry)
            if not is_kept and self._in_memory <= self.most_in_memory:
                return  # the disk is full, but memory is not
            self._memory.popleft()
            self._in_memory -= len(entry.data)
            if not is_kept:
                self.dropped += entry.records
