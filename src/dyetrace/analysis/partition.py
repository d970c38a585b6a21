"""One partition of the record stream: what every engine keeps of it between two batches.

Records in, tallies by task out. No clock: time is the log's, and comes with the records.
The same records in any order and any batching give the same tallies, as long as those of
one packet come within the grace time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from dyetrace.analysis.columns import U64, Columns, chosen_of, joined
from dyetrace.analysis.counting import Clocks, counted_of
from dyetrace.analysis.joiner import Joiner
from dyetrace.analysis.latecomers import Latecomers
from dyetrace.analysis.merging import merged
from dyetrace.analysis.packets import DIGEST, TASK, Arranged, arrange
from dyetrace.analysis.tally import Tally, nothing, of_task, strangers_of, tasks_of, without
from dyetrace.analysis.unended import Unended
from dyetrace.model.task import TaskId

BATCH = 500_000
"""Records that are counted at once: what that takes of memory is bounded so."""

MERGED_AT_ONCE = 16_384
"""Rows of tallies at least: fewer are left to be merged later."""


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
        self._counted = nothing()
        self._fresh: list[Tally] = []  # not yet merged into it
        self._strangers: list[tuple[int, Columns, Columns]] = []  # since when, open, covering
        self._changed: set[TaskId] = set()
        self._touched_ns: dict[TaskId, int] = {}
        self.late: dict[TaskId, int] = {}
        if state is not None:
            self._joiner.restore(state.slices)
            self._unended.slices = list(state.unended)
            self._latecomers.restore(state.memory)
            self._counted, self.late = state.tally, dict(state.late)
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
        self._touched_ns |= dict.fromkeys(touched, watermark_ns)

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
        return changed & {*tasks_of(self.tally()), *self.late}

    def tally(self) -> Tally:
        """Give all that was counted."""
        if self._fresh:
            self._counted = merged([self._counted, *self._fresh])
            self._fresh = []
        return replace(
            self._counted,
            open=joined([self._counted.open, *(each for _, each, _ in self._strangers)]),
            covering=joined([self._counted.covering, *(each for _, _, each in self._strangers)]),
        )

    def of_task(self, task: TaskId) -> Tally:
        """Give what was counted of one task."""
        return of_task(self.tally(), task)

    def with_held(self, clocks: Clocks | None = None) -> Tally:
        """Give all that would be counted if every packet were over: nothing changes by it."""
        held = self._held()
        if held.shape[1] == 0:
            return self.tally()
        return merged(
            [self.tally(), *(counted_of(arrange(each), clocks) for each in batches(held))]
        )

    def forget(self, before_ns: int) -> None:
        """Forget tasks of which nothing came since then."""
        old = [task for task, touched in self._touched_ns.items() if touched < before_ns]
        if old:
            self.tally()
            self._counted = without(self._counted, old)
            for task in old:
                del self._touched_ns[task]
                self.late.pop(task, None)

    def state(self) -> State:
        """Give all that is known."""
        self.tally()
        return State(
            slices=self._joiner.slices(),
            unended=list(self._unended.slices),
            memory=self._latecomers.memory(),
            tally=self._counted,
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

    def held_tasks(self) -> list[TaskId]:
        """Name the tasks of what is held; 0 where there may be records of no known task."""
        tasks: list[TaskId] = np.unique(self._held()[TASK]).tolist()
        return tasks

    def _held(self) -> Columns:
        return joined([self._joiner.held(), self._unended.held()])

    @property
    def _open(self) -> int:
        parts = [part for tally in (self._counted, *self._fresh) for part in _uncounted(tally)]
        parts += [part for _, *both in self._strangers for part in both]
        return sum(part.shape[1] for part in parts)

    def _keep(self, tally: Tally, watermark_ns: int) -> None:
        """Merge now and then, so that each row is moved few times, however many there are."""
        strangers = strangers_of(tally)
        if any(part.shape[1] for part in strangers):
            self._strangers.append((watermark_ns, *strangers))
            tally = without(tally, [0])
        self._fresh.append(tally)
        if sum(each.size for each in self._fresh) > self._counted.size + MERGED_AT_ONCE:
            self.tally()


def _uncounted(tally: Tally) -> tuple[Columns, Columns]:
    return tally.open, tally.covering


def batches(records: Columns) -> Iterator[Columns]:
    """Cut records, all of a digest in one batch."""
    parts = -(-records.shape[1] // BATCH)
    if parts <= 1:
        yield from [records] * parts
        return
    part = records[DIGEST] % np.uint64(parts)
    for number in range(parts):
        yield chosen_of(records, part == number)
