"""Holds packets of which not both ends were seen for longer than others: a host may be behind.

A packet whose source record is there, and that was dropped or given its DSCP back, is
counted when its grace is over. Of another one the rest may still be in a spool, while
its region's log is away. Such packets are few where few are lost.
"""

from dataclasses import dataclass, field

import numpy as np

from dyetrace.analysis.columns import Columns, chosen_of, joined, no_columns
from dyetrace.analysis.counting import ends_of
from dyetrace.analysis.joiner import is_marked, marks_of
from dyetrace.analysis.packets import DIGEST, Arranged

SLICES = 16  # of the patience: what was held within one is given up together

Slices = list[tuple[int, Columns]]
"""What is held, by since when."""


@dataclass(slots=True, kw_only=True)
class Unended:
    """Records of packets whose grace is over, and whose end has not been seen."""

    patience_ns: int
    most_records: int
    slices: Slices = field(default_factory=list)  # the oldest first
    given_up: int = 0  # records, for there were too many

    @property
    def records(self) -> int:
        """How many are held."""
        return sum(columns.shape[1] for _, columns in self.slices)

    def rejoined(self, over: Columns) -> Columns:
        """Add to records whose grace is over what is held of the same packets."""
        found = [over]
        if over.shape[1] == 0 or not self.slices:
            return over
        marks = marks_of(over[DIGEST])
        for index, (since_ns, columns) in enumerate(self.slices):
            same = is_marked(columns[DIGEST], over[DIGEST], marks)
            if same.any():
                found.append(chosen_of(columns, same))
                self.slices[index] = (since_ns, chosen_of(columns, ~same))
        return joined(found)

    def sift(self, arranged: Arranged, now_ns: int) -> Arranged:
        """Hold those without a source record or an end; give the others."""
        if self.patience_ns == 0 or len(arranged.start) == 0:
            return arranged
        is_whole = (ends_of(arranged) > 0) & (arranged.sources > 0)
        if not is_whole.all():
            self._hold(arranged.of(~is_whole).written(), now_ns)
        return arranged.of(is_whole)

    def over(self, now_ns: int) -> Columns:
        """Give those that were held for long enough, or have no room."""
        given = no_columns()
        while self.slices and self.slices[0][0] + self.patience_ns <= now_ns:
            given = joined([given, self.slices.pop(0)[1]])
        while self.records > self.most_records:
            _, columns = self.slices.pop(0)
            self.given_up += columns.shape[1]
            given = joined([given, columns])
        return given

    def _hold(self, columns: Columns, now_ns: int) -> None:
        width = max(self.patience_ns // SLICES, 1)
        if self.slices and self.slices[-1][0] // width == now_ns // width:
            since_ns, others = self.slices.pop()
            columns, now_ns = joined([others, columns]), since_ns
        self.slices.append((now_ns, np.ascontiguousarray(columns)))
