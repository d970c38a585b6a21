"""Packets counted by task and signature, in columns: what is kept of records once they are counted.

A tally needs neither topology nor names of drops: those come in when a task's answer is
asked for (partial.py). Tallies of different packets merge in any order and any grouping
with the same result, so records can be counted wherever and whenever they arrive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dyetrace.analysis.columns import (
    I64,
    U64,
    Columns,
    Mask,
    chosen_of,
    no_columns,
    ranges,
    word_of,
)
from dyetrace.analysis.histogram import BUCKET_BITS
from dyetrace.model.task import TaskId

DIGEST, TASK = word_of("digest"), word_of("task_id")

MOST_FLOWS = 32  # more say nothing that a reader could use
FLOW_WORDS = 6  # source and destination, two each, ports, protocol

PER_KIND = (
    *("task", "signature", "packets", "length_low", "length_high"),
    *("colored_low", "colored_high", "many_flows"),
)
SLOT_SHIFT = np.uint64(BUCKET_BITS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinds:
    """Packets that fared alike: (k,) each, ordered by nothing, no pair of task and signature twice.

    low and high: extremes of the payload's length and of when they were colored, by the
    reference clock. one: the records of one packet that stands for all, the one colored
    first; where each kind's begin; longest: for each of these records the longest delay.
    """

    task: U64
    signature: U64
    packets: I64
    length_low: I64
    length_high: I64
    colored_low: I64
    colored_high: I64
    start: I64
    count: I64
    one: Columns
    longest: I64
    many_flows: Mask  # more than MOST_FLOWS: none is kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Delays counted; (d,) each, no key twice.

    key: which record of Kinds.one, the slot, above the number of the bucket.
    """

    key: U64
    packets: I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Flows:
    """Packets by kind and flow; (f,) each, and the flow itself, (FLOW_WORDS, f)."""

    kind: I64
    name: U64  # a hash of the flow
    packets: I64
    words: U64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counted packets, and the records that cannot be counted before a topology is known.

    open: packets that may yet be found in others' records, and packets that look alike.
    covering: records that may cover open packets; these themselves are counted.
    """

    kinds: Kinds
    delays: Delays
    flows: Flows
    open: Columns
    covering: Columns
    strays: int = 0  # records of no packet that we know

    @property
    def records(self) -> int:
        """How many there were of all, each once."""
        counted = int(np.dot(self.kinds.packets, self.kinds.count))
        return counted + int(self.open.shape[1]) + self.strays

    @property
    def size(self) -> int:
        """How many rows it is made of: what memory and merging it cost."""
        return len(self.delays.key) + int(self.kinds.one.shape[1] + self.open.shape[1])


def nothing() -> Tally:
    """Give the tally of no record."""
    none, no = np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.uint64)
    kinds = Kinds(
        task=no,
        signature=no,
        packets=none,
        length_low=none,
        length_high=none,
        colored_low=none,
        colored_high=none,
        start=none,
        count=none,
        one=no_columns(),
        longest=none,
        many_flows=np.zeros(0, dtype=bool),
    )
    return Tally(
        kinds=kinds,
        delays=Delays(key=no, packets=none),
        flows=Flows(
            kind=none, name=no, packets=none, words=np.zeros((FLOW_WORDS, 0), dtype=np.uint64)
        ),
        open=no_columns(),
        covering=no_columns(),
    )


def of_kinds(tally: Tally, chosen: I64) -> Tally:
    """Keep these kinds only, in this order, and no open records."""
    kinds = tally.kinds
    count = kinds.count[chosen]
    rows = ranges(kinds.start[chosen], count)
    start = np.cumsum(count) - count
    new_kind = np.full(len(kinds.task), -1)
    new_kind[chosen] = np.arange(len(chosen))
    new_slot = np.full(kinds.one.shape[1], -1)
    new_slot[rows] = np.arange(len(rows))
    slot = new_slot[(tally.delays.key >> SLOT_SHIFT).astype(np.int64)]
    delays = slot >= 0
    bucket = tally.delays.key[delays] & np.uint64((1 << BUCKET_BITS) - 1)
    flow = new_kind[tally.flows.kind]
    flows = flow >= 0
    each = {name: getattr(kinds, name)[chosen] for name in PER_KIND}
    return Tally(
        kinds=Kinds(
            **each,
            start=start,
            count=count,
            one=chosen_of(kinds.one, rows),
            longest=kinds.longest[rows],
        ),
        delays=Delays(
            key=(slot[delays].astype(np.uint64) << SLOT_SHIFT) | bucket,
            packets=tally.delays.packets[delays],
        ),
        flows=Flows(
            kind=flow[flows],
            name=tally.flows.name[flows],
            packets=tally.flows.packets[flows],
            words=tally.flows.words[:, flows],
        ),
        open=no_columns(),
        covering=no_columns(),
    )


def tasks_of(tally: Tally) -> list[TaskId]:
    """Name the tasks of what was counted or is open; 0 stands for open records of no known task."""
    named = np.unique(np.concatenate([tally.kinds.task, tally.open[TASK]]))
    tasks: list[TaskId] = named[named != 0].tolist()
    return [*tasks, 0] if any(part.shape[1] for part in strangers_of(tally)) else tasks


def strangers_of(tally: Tally) -> tuple[Columns, Columns]:
    """Give the open and the covering records of no known task."""
    if not tally.open.shape[1] and not tally.covering.shape[1]:
        return no_columns(), no_columns()
    nobody = np.zeros(1, dtype=np.uint64)
    return records_of_tasks(tally.open, nobody), records_of_tasks(tally.covering, nobody)


def of_task(tally: Tally, task: TaskId) -> Tally:
    """Keep what is of one task; of task 0, the open records of no known task."""
    kept = of_kinds(tally, np.flatnonzero(tally.kinds.task == np.uint64(task)))
    only = np.array([task], dtype=np.uint64)
    return replace(
        kept,
        open=records_of_tasks(tally.open, only),
        covering=records_of_tasks(tally.covering, only),
    )


def without(tally: Tally, tasks: Sequence[TaskId]) -> Tally:
    """Leave out what is of these tasks; what is of another task, too, stays."""
    stays = np.array([task for task in tasks_of(tally) if task not in set(tasks)], dtype=np.uint64)
    kept = of_kinds(tally, np.flatnonzero(np.isin(tally.kinds.task, stays)))
    return replace(
        kept,
        open=records_of_tasks(tally.open, stays),
        covering=records_of_tasks(tally.covering, stays),
        strays=tally.strays,
    )


def records_of_tasks(records: Columns, tasks: U64) -> Columns:
    """All records of packets that have a source record of these tasks (0: that have none)."""
    digest, task = records[DIGEST], records[TASK]
    chosen = np.isin(digest, digest[np.isin(task, tasks[tasks != 0])])
    if 0 in tasks:
        chosen |= ~np.isin(digest, digest[task != 0])
    return chosen_of(records, chosen)
