"""One partition of the record stream: what every engine keeps of it between two batches.

Records in, tallies by task out. No clock: time is the log's, and comes with the records.
The same records in any order and any batching give the same tallies, as long as those of
one packet come within the grace time.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from itertools import takewhile

import numpy as np

from dyetrace.analysis.columns import U64, Columns, chosen_of, joined
from dyetrace.analysis.counting import Clocks, counted_of
from dyetrace.analysis.counts import Counts
from dyetrace.analysis.joiner import Joiner, is_among
from dyetrace.analysis.latecomers import Latecomers
from dyetrace.analysis.merging import merged
from dyetrace.analysis.packets import DIGEST, TASK, Arranged, arrange
from dyetrace.analysis.tally import Tally, strangers_of, without
from dyetrace.analysis.unended import Unended
from dyetrace.model.task import TaskId

BATCH = 500_000
"""Records that are counted at once: what that takes of memory is bounded so."""

FORGOTTEN_SHARE = 16
"""One task of so many has to be old at least: to forget some looks at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a partition may take of time and memory."""

    grace_ns: int = 2_000_000_000  # how long a packet's next record is waited for
    patience_ns: int = 20_000_000_000  # and its end, where that was not seen; 0: no longer
    most_unended: int = 25_000  # records that wait for that; more are counted before their time
    memory_ns: int = 4_000_000_000  # how long late ones are known afterwards
    most_records: int = 500_000  # held; what is older is counted before its time
    most_open: int = 200_000  # records; more packets than that are counted as they are
    strangers_ns: int = 60_000_000_000  # how long records of no known task are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that a partition knows: what another one goes on from, here or elsewhere."""

    slices: list[tuple[int, Columns]]
    unended: list[tuple[int, Columns]]
    memory: list[tuple[int, U64]]
    tally: Tally
    strangers: list[tuple[int, Columns, Columns]]
    late: dict[TaskId, int]
    touched_ns: dict[TaskId, int]


class Partition:
    """Joins and counts one partition's records."""

    def __init__(self, bounds: Bounds | None = None, state: State | None = None) -> None:
        """Start empty, or go on from a state."""
        self._bounds = bounds = bounds or Bounds()
        self._joiner = Joiner(grace_ns=bounds.grace_ns, most_records=bounds.most_records)
        self._unended = Unended(patience_ns=bounds.patience_ns, most_records=bounds.most_unended)
        self._latecomers = Latecomers(memory_ns=bounds.memory_ns)
        self._counts = Counts(state.tally if state else None)
        self._strangers: list[tuple[int, Columns, Columns]] = []  # since when, open, covering
        self._changed: set[TaskId] = set()
        self._touched_ns: dict[TaskId, int] = {}
        self.late: dict[TaskId, int] = {}
        if state is not None:
            self._joiner.restore(state.slices)
            self._unended.slices = list(state.unended)
            self._latecomers.restore(state.memory)
            self.late = dict(state.late)
            self._strangers = list(state.strangers)
            self._touched_ns = dict(state.touched_ns)

    def take(self, records: Columns, taken_ns: int) -> None:
        """Hold records that the log took at that time."""
        self._joiner.take(records, taken_ns)

    def advance(self, watermark_ns: int, clocks: Clocks | None = None) -> None:
        """Count the packets that are over.

        watermark_ns: the log's time up to which all has been taken.
        """
        touched: set[TaskId] = set()
        for batch in batches(self._unended.rejoined(self._joiner.over(watermark_ns))):
            arranged = self._unended.sift(self._in_time(arrange(batch), touched), watermark_ns)
            self._count(arranged, watermark_ns, clocks, touched)
        for batch in batches(self._unended.over(watermark_ns)):
            self._count(self._in_time(arrange(batch), touched), watermark_ns, clocks, touched)
        self._latecomers.advance(watermark_ns)
        self._strangers = [
            each for each in self._strangers if each[0] + self._bounds.strangers_ns > watermark_ns
        ]
        self._changed |= touched
        for task in touched:
            self._touched_ns.pop(task, None)  # the oldest first
            self._touched_ns[task] = watermark_ns

    def _in_time(self, arranged: Arranged, touched: set[TaskId]) -> Arranged:
        """Leave out what came when its packet was counted."""
        arranged, late = self._latecomers.sift(arranged)
        for task, records in late.items():
            self.late[task] = self.late.get(task, 0) + records
        touched.update(late)
        return arranged

    def _count(
        self, arranged: Arranged, watermark_ns: int, clocks: Clocks | None, touched: set[TaskId]
    ) -> None:
        self._latecomers.remember(arranged)
        may_stay_open = self._open < self._bounds.most_open
        self._keep(counted_of(arranged, clocks, may_stay_open=may_stay_open), watermark_ns)
        touched.update((0, *np.unique(arranged.task[arranged.task != 0]).tolist()))

    def changed(self) -> set[TaskId]:
        """Which tasks' tallies have changed since this was last asked; 0: see tasks_of."""
        changed, self._changed = self._changed, set()
        return changed if self._strangers else changed - {0}

    def tally(self) -> Tally:
        """Give all that was counted."""
        return self._with_strangers(self._counts.whole())

    def of_tasks(self, tasks: Collection[TaskId]) -> Tally:
        """Give what was counted of these tasks, and what is open of all."""
        return self._with_strangers(self._counts.of_tasks(tasks))

    def held_tally(self, clocks: Clocks | None = None) -> Tally:
        """Count what is held, as if every packet were over: nothing changes by it."""
        return merged([counted_of(arrange(each), clocks) for each in batches(self._held())])

    def forget(self, before_ns: int) -> None:
        """Forget tasks of which nothing came since then."""
        old = list(takewhile(lambda task: self._touched_ns[task] < before_ns, self._touched_ns))
        if old and len(old) * FORGOTTEN_SHARE >= len(self._touched_ns):
            self._counts.forget(old)
            self._changed.difference_update(old)
            for task in old:
                del self._touched_ns[task]
                self.late.pop(task, None)

    def state(self) -> State:
        """Give all that is known."""
        return State(
            slices=self._joiner.slices(),
            unended=list(self._unended.slices),
            memory=self._latecomers.memory(),
            tally=self._counts.whole(),
            strangers=list(self._strangers),
            late=dict(self.late),
            touched_ns=dict(self._touched_ns),
        )

    @property
    def waits_s(self) -> float:
        """How long a packet's records are waited for, where its end was not seen."""
        return max(self._bounds.grace_ns, self._bounds.patience_ns) / 1e9

    @property
    def held(self) -> int:
        """How many records are held."""
        return self._joiner.records + self._unended.records

    def held_tasks(self, digests: U64 | None = None) -> set[TaskId]:
        """Name the tasks of what is held, maybe only of these digests.

        0 where there may be records of no known task.
        """
        held = joined([each[[TASK, DIGEST]] for each in self._parts_held()])
        task, digest = held[:, held[0] != 0] if held.shape[1] else held[:2]
        if digests is not None:
            task = task[is_among(digest, digests)]
        return {0, *np.unique(task).tolist()}

    def _held(self) -> Columns:
        return joined(self._parts_held())

    def _parts_held(self) -> list[Columns]:
        return [each for _, each in (*self._joiner.slices(), *self._unended.slices)]

    @property
    def _open(self) -> int:
        strangers = [part for _, *both in self._strangers for part in both]
        return self._counts.uncounted + sum(int(part.shape[1]) for part in strangers)

    def _with_strangers(self, tally: Tally) -> Tally:
        return replace(
            tally,
            open=joined([tally.open, *(each for _, each, _ in self._strangers)]),
            covering=joined([tally.covering, *(each for _, _, each in self._strangers)]),
        )

    def _keep(self, tally: Tally, watermark_ns: int) -> None:
        strangers = strangers_of(tally)
        if any(part.shape[1] for part in strangers):
            self._strangers.append((watermark_ns, *strangers))
            tally = without(tally, [0])
        self._counts.add(tally)


def batches(records: Columns) -> Iterator[Columns]:
    """Cut records, all of a digest in one batch."""
    parts = -(-records.shape[1] // BATCH)
    if parts <= 1:
        yield from [records] * parts
        return
    part = records[DIGEST] % np.uint64(parts)
    for number in range(parts):
        yield chosen_of(records, part == number)
