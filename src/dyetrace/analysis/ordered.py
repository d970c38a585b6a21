"""Tallies ordered by task: what is of a few tasks is found without looking at the others.

Kinds are ordered by task, delays by key, flows by kind.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np

from dyetrace.analysis.columns import I64, U64, Columns, chosen_of, no_columns, ranges
from dyetrace.analysis.tally import (
    DIGEST,
    PER_KIND,
    SLOT_SHIFT,
    TASK,
    Delays,
    Flows,
    Kinds,
    Tally,
    of_kinds,
    records_of_tasks,
    tasks_of,
)
from dyetrace.model.task import TaskId


def ordered(tally: Tally) -> Tally:
    """Order a tally."""
    kept = of_kinds(tally, np.argsort(tally.kinds.task, kind="stable"))
    by_key, by_kind = np.argsort(kept.delays.key), np.argsort(kept.flows.kind, kind="stable")
    return replace(
        tally,
        kinds=kept.kinds,
        delays=Delays(key=kept.delays.key[by_key], packets=kept.delays.packets[by_key]),
        flows=_some_flows(kept.flows, by_kind),
    )


def of_tasks(tally: Tally, tasks: U64) -> Tally:
    """Take out of an ordered tally what was counted of these tasks, which are ordered, too."""
    kinds = tally.kinds
    first = np.searchsorted(kinds.task, tasks, side="left")
    chosen = ranges(first, np.searchsorted(kinds.task, tasks, side="right") - first)
    old_start, count = kinds.start[chosen], kinds.count[chosen]
    start = np.cumsum(count) - count
    slots = ranges(old_start, count)
    low, high = old_start.view(np.uint64), (old_start + count).view(np.uint64)
    from_key = np.searchsorted(tally.delays.key, low << SLOT_SHIFT)
    keys = np.searchsorted(tally.delays.key, high << SLOT_SHIFT) - from_key
    delays = ranges(from_key, keys)
    moved = np.repeat((start - old_start).view(np.uint64) << SLOT_SHIFT, keys)
    from_flow = np.searchsorted(tally.flows.kind, chosen, side="left")
    flows = np.searchsorted(tally.flows.kind, chosen, side="right") - from_flow
    each = {name: getattr(kinds, name)[chosen] for name in PER_KIND}
    return replace(
        tally,
        kinds=Kinds(
            **each,
            start=start,
            count=count,
            one=chosen_of(kinds.one, slots),
            longest=kinds.longest[slots],
        ),
        delays=Delays(key=tally.delays.key[delays] + moved, packets=tally.delays.packets[delays]),
        flows=replace(
            _some_flows(tally.flows, ranges(from_flow, flows)),
            kind=np.repeat(np.arange(len(chosen)), flows),
        ),
    )


def without(tally: Tally, tasks: Collection[TaskId]) -> Tally:
    """Leave out of an ordered tally what is of these tasks; what is of another, too, stays."""
    stays = np.array(sorted(set(tasks_of(tally)).difference(tasks)), dtype=np.uint64)
    return replace(
        of_tasks(tally, stays),
        open=records_of_tasks(tally.open, stays),
        covering=records_of_tasks(tally.covering, stays),
    )


def by_task(tally: Tally, tasks: Collection[TaskId]) -> Iterator[tuple[TaskId, Tally]]:
    """Take a tally apart by task, in one go; 0 as in of_task. Only these tasks, where they are."""
    wanted = np.array(sorted(tasks), dtype=np.uint64)
    kept = ordered(tally)
    open_, covering = _by_task(tally.open, wanted), _by_task(tally.covering, wanted)
    for number, name in enumerate(wanted):
        yield (
            int(name),
            replace(
                of_tasks(kept, wanted[number : number + 1]),
                open=open_[number],
                covering=covering[number],
                strays=0,
            ),
        )


def _by_task(records: Columns, wanted: U64) -> list[Columns]:
    """Give to each task the records of packets that have a source record of it (0: that have none).

    wanted: ordered.
    """
    if records.shape[1] == 0:
        return [no_columns()] * len(wanted)
    order = np.argsort(records[DIGEST], kind="stable")
    digest, task = records[DIGEST][order], records[TASK][order]
    sources = np.flatnonzero(task)
    strange = np.flatnonzero(~np.isin(digest, digest[sources]))
    names = np.stack(
        [
            np.append(task[sources], np.zeros(len(strange), np.uint64)),
            np.append(digest[sources], digest[strange]),
        ]
    )
    names = np.unique(names[:, np.isin(names[0], wanted)], axis=1)  # by task, then by digest
    first = np.searchsorted(digest, names[1], side="left")
    count = np.searchsorted(digest, names[1], side="right") - first
    ends = np.append(0, np.cumsum(count))[np.searchsorted(names[0], wanted, side="right")]
    return np.split(chosen_of(records, order[ranges(first, count)]), ends[:-1], axis=1)


def _some_flows(flows: Flows, chosen: I64) -> Flows:
    return Flows(
        kind=flows.kind[chosen],
        name=flows.name[chosen],
        packets=flows.packets[chosen],
        words=chosen_of(flows.words, chosen),
    )
