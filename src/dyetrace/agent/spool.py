"""Shipments on disk, for controllers that are away: bounded, and the oldest go first.

Each session has a folder of segments. What cannot be written is not kept: the
controller sees by the numbers what it never got.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

from dyetrace.wire.messages import SessionId

MOST_BYTES = 64 * 1024 * 1024
SEGMENT_BYTES = 1024 * 1024
HEADER = Struct(">QQII")  # number, records before it, records in it, bytes that follow
SESSION = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One shipment, as it goes over the wire."""

    number: int
    before: int  # records in all shipments before it
    records: int
    data: bytes


@dataclass(slots=True, kw_only=True)
class _Segment:
    """One file of entries, in order."""

    path: Path
    first: int
    last: int
    size: int
    records: int = 0

    def entries(self) -> Iterator[Entry]:
        """Read them; a last one that was not written whole is none."""
        try:
            content = self.path.read_bytes()
        except OSError:
            return
        at = 0
        while at + HEADER.size <= len(content):
            number, before, records, size = HEADER.unpack_from(content, at)
            at += HEADER.size
            if at + size > len(content):
                return
            yield Entry(number=number, before=before, records=records, data=content[at : at + size])
            at += size


@dataclass(slots=True, kw_only=True)
class Spool:
    """One session's entries on disk, as long as nobody clears them."""

    folder: Path
    room: "Spools"
    dropped: int = 0  # records that had to make room for younger ones
    _segments: list[_Segment] = field(default_factory=list)
    _read: tuple[Path, int, dict[int, Entry]] | None = None  # the segment read last

    @property
    def size(self) -> int:
        """How many bytes it takes."""
        return sum(segment.size for segment in self._segments)

    @property
    def last(self) -> int:
        """The number of the youngest entry; 0: there is none."""
        return self._segments[-1].last if self._segments else 0

    def append(self, entry: Entry) -> bool:
        """Keep an entry, younger than all before; False: there is no room on the disk."""
        data = HEADER.pack(entry.number, entry.before, entry.records, len(entry.data)) + entry.data
        if len(data) > self.room.most_bytes:
            return False
        self.room.make(len(data))
        newest = self._segments[-1] if self._segments else None
        if newest is None or newest.size + len(data) > SEGMENT_BYTES:
            path = self.folder / f"{entry.number:020d}"
            newest = _Segment(path=path, first=entry.number, last=0, size=0)
        if not _written(newest, data):
            return False
        newest.size += len(data)
        newest.records += entry.records
        newest.last = entry.number
        if newest.first == entry.number:
            self._segments.append(newest)
        self._read = None
        return True

    def after(self, number: int) -> Entry | None:
        """Give the oldest entry that is younger than this; None: there is none."""
        for segment in self._segments:
            if segment.last > number:
                known = self._entries(segment)
                return next((entry for each, entry in known.items() if each > number), None)
        return None

    def forget_through(self, number: int) -> None:
        """Remove what is acknowledged, a segment at a time."""
        while self._segments and self._segments[0].last <= number:
            self.drop_oldest()

    def drop_oldest(self) -> int:
        """Remove the oldest segment; returns how many records were in it."""
        oldest = self._segments.pop(0)
        with suppress(OSError):
            oldest.path.unlink()
        return oldest.records

    def clear(self) -> None:
        """Remove everything."""
        self._segments.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def find(self) -> None:
        """Take in what an earlier process of this agent left."""
        for path in sorted(self.folder.iterdir()):
            segment = _Segment(path=path, first=0, last=0, size=0)
            entries = list(segment.entries())
            if not entries:
                path.unlink(missing_ok=True)
                continue
            segment.first, segment.last = entries[0].number, entries[-1].number
            # What was not written whole is cut off, or nothing could follow it.
            segment.size = sum(HEADER.size + len(entry.data) for entry in entries)
            segment.records = sum(entry.records for entry in entries)
            os.truncate(path, segment.size)
            self._segments.append(segment)

    def _entries(self, segment: _Segment) -> dict[int, Entry]:
        if self._read is None or self._read[:2] != (segment.path, segment.size):
            self._read = (
                segment.path,
                segment.size,
                {entry.number: entry for entry in segment.entries()},
            )
        return self._read[2]


@dataclass(slots=True, kw_only=True)
class Spools:
    """All spools of an agent, in one folder; together they stay within a size."""

    folder: Path
    most_bytes: int = MOST_BYTES
    dropped: int = 0  # records that had to make room for younger ones
    _open: dict[SessionId, Spool] = field(default_factory=dict)

    @classmethod
    def under(cls, state: Path, listen: str, *, mib: int) -> "Spools":
        """Give an agent its own, by its socket."""
        folder = state / "spool" / listen.strip("/").replace("/", "_")
        return cls(folder=folder, most_bytes=mib * 1024 * 1024)

    @property
    def size(self) -> int:
        """How much they hold together, in bytes."""
        return sum(spool.size for spool in self._open.values())

    def left_over(self) -> list[SessionId]:
        """Find the sessions that an earlier process of this agent kept something for."""
        found = []
        with suppress(OSError):
            for folder in sorted(self.folder.iterdir()):
                if SESSION.fullmatch(folder.name) and folder.is_dir():
                    spool = self.of(folder.name)
                    spool.find()
                    if spool.last:
                        found.append(folder.name)
                    else:
                        self.close(folder.name)
        return found

    def of(self, session: SessionId) -> Spool:
        """Give a session's; nothing is written yet."""
        if session not in self._open:
            self._open[session] = Spool(folder=self.folder / session, room=self)
        return self._open[session]

    def again(self, name: str) -> Spool:
        """Give one that is no session's, with what an earlier process of this agent left in it."""
        spool = self.of(name)
        if spool.folder.is_dir():
            spool.find()
        return spool

    def close(self, session: SessionId) -> None:
        """Remove a session's."""
        spool = self._open.pop(session, None)
        if spool is not None:
            spool.clear()
            with suppress(OSError):  # others have something there
                self.folder.rmdir()

    def make(self, size: int) -> None:
        """Make room for so many bytes: the oldest of whoever has most goes first."""
        while self.size + size > self.most_bytes:
            fullest = max(self._open.values(), key=lambda spool: spool.size)
            if not fullest.size:
                return
            records = fullest.drop_oldest()
            fullest.dropped += records
            self.dropped += records


def _written(segment: _Segment, data: bytes) -> bool:
    """Write at the end of a segment: all of it, or nothing."""
    try:
        segment.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with segment.path.open("ab", buffering=0) as file:
            written = 0
            try:
                written = file.write(data)
            finally:
                if written != len(data):  # the disk is full
                    file.truncate(segment.size)
    except OSError:
        return False
    return written == len(data)
