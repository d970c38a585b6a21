"""Holds records until nothing more is to be expected of their packet.

Records of one packet come from several hosts, in any order. Time here is the log's: when
the transport took a record, by one clock for all hosts, and the same when it is read
again. A packet is over when no record of it came for a grace time; whether it arrived
does not matter, for flooded copies, other tasks' source records and packets of equal
content may still come.
"""

from dataclasses import dataclass

import numpy as np

from dyetrace.analysis.columns import U64, WORDS, Columns, Mask, chosen_of, joined
from dyetrace.analysis.packets import DIGEST

SLICES = 8  # of the grace time: records that came within one are held together
FILTER_BITS = 20
MARK = np.uint64((1 << FILTER_BITS) - 1)


@dataclass(slots=True)
class Slice:
    """Records that came at about one time; copied, so that what they came in can be freed."""

    last_ns: int
    room: Columns
    records: int = 0

    def add(self, records: Columns) -> None:
        """Hold these, too."""
        end = self.records + records.shape[1]
        if end > self.room.shape[1]:
            held, self.room = self.whole(), _room(end + end // 2)
            self.room[:, : self.records] = held
        self.room[:, self.records : end] = records
        self.records = end

    def whole(self) -> Columns:
        """All of it in one; no copy."""
        return self.room[:, : self.records]


class Joiner:
    """Takes records, in any order, and gives back those of packets that are over."""

    def __init__(self, *, grace_ns: int, most_records: int) -> None:
        """Start empty. most_records: as many are held; the oldest packets are over before."""
        self._grace_ns = grace_ns
        self._width_ns = max(grace_ns // SLICES, 1)
        self._most_records = most_records
        self._slices: list[Slice] = []  # the oldest first
        self._usual = 0  # records in a slice
        self.hurried = 0  # records that were given back before their time

    @property
    def records(self) -> int:
        """How many are held."""
        return sum(each.records for each in self._slices)

    def take(self, records: Columns, taken_ns: int) -> None:
        """Hold records that the log took at that time."""
        newest = self._slices[-1] if self._slices else None
        if newest is None or taken_ns // self._width_ns > newest.last_ns // self._width_ns:
            newest = Slice(taken_ns, _room(self._usual + self._usual // 8))
            self._slices.append(newest)
        newest.last_ns = max(newest.last_ns, taken_ns)
        newest.add(records)

    def over(self, watermark_ns: int) -> Columns:
        """Give back the records of packets that are over.

        watermark_ns: the log's time up to which all has been taken.
        """
        ended = 0
        while (
            ended < len(self._slices)
            and self._slices[ended].last_ns + self._grace_ns <= watermark_ns
        ):
            ended += 1
        given = self._give(ended)
        while self.records > self._most_records:
            hurried = self._give(1)
            self.hurried += hurried.shape[1]
            given = joined([given, hurried])
        return given

    def slices(self) -> list[tuple[int, Columns]]:
        """Give all that is held, by when it came: what a joiner is restored from."""
        return [(each.last_ns, each.whole()) for each in self._slices]

    def restore(self, slices: list[tuple[int, Columns]]) -> None:
        """Hold what another joiner held."""
        self._slices = [Slice(last_ns, columns, columns.shape[1]) for last_ns, columns in slices]

    def _give(self, slices: int) -> Columns:
        """Take out the oldest slices, but what has younger records waits for these."""
        self._usual = max((each.records for each in self._slices), default=0)
        given = joined([each.whole() for each in self._slices[:slices]])
        self._slices = self._slices[slices:]
        for each in reversed(self._slices):
            if given.shape[1] == 0:
                break
            waits = is_among(given[DIGEST], each.whole()[DIGEST])
            if waits.any():
                each.add(chosen_of(given, waits))
                given = chosen_of(given, ~waits)
        return given


def _room(records: int) -> Columns:
    return np.empty((WORDS, records), dtype=np.uint64)


def is_among(values: U64, others: U64) -> Mask:
    """Say which values are among the others; quick where few are. All are digests."""
    return is_marked(values, others, marks_of(others))


def marks_of(digests: U64) -> Mask:
    """Mark digests: what is not marked is not among them."""
    marked = np.zeros(1 << FILTER_BITS, dtype=bool)
    marked[digests & MARK] = True
    return marked


def is_marked(values: U64, others: U64, marks: Mask) -> Mask:
    """Say which values are among the others, of which the marks are."""
    found: Mask = marks[values & MARK]
    maybe = np.flatnonzero(found)
    if len(maybe):
        alike = others[marks_of(values[maybe])[others & MARK]]
        found[maybe] = np.isin(values[maybe], alike)
    return found
