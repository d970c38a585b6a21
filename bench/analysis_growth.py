"""How the cost of a record grows with the number of tasks and with the length of the run.

All by one partition on one core, from blobs to tallies; seconds are CPU time. Each task's
packets take five ways from each of six VMs; in the long run there are six tasks at a time, others
every ten batches, and what is of tasks that ended long ago is forgotten. A turn is what an
analyzer does with what has come: takes it, counts what is over, and writes what is new of ten
tasks, while so many tasks' packets are counted already.

A run of 100 million records: --records 100000000.
"""

import os
import sys
import time
from statistics import fmean

import numpy as np
from lib import records
from lib.processes import memory_kb
from lib.report import Figure, Report, options
from lib.stats import once, quartiles

from dyetrace.analysis.columns import columns_of
from dyetrace.analysis.partition import Bounds, Partition
from dyetrace.analyzer.share import Share
from dyetrace.model.record import RecordArray
from dyetrace.wire import blobs
from dyetrace.wire.parcels import Header, Parcel
from dyetrace.wire.tallies import pack_piece

GRACE_NS = Bounds().grace_ns
MB = 1024
LIMIT_MB = 150
VARIANTS = 8  # batches that a long run repeats, with other digests
FORGOTTEN_AFTER = 100  # batches without a packet of the task
BATCHES = 32  # with each number of tasks
TURN_PACKETS = 500
TURNS, SETTLING_TURNS = 30, 20


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--tasks", default="1,10,100,1000,10000")
    parser.add_argument("--records", type=int, default=3_000_000, help="of the long run")
    parser.add_argument("--packets", type=int, default=10_000, help="a batch")
    args = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    report = Report(title="Counting as tasks and runs grow")
    made = [records.Mix().batch(number, args.packets) for number in range(VARIANTS)]
    idle_kb = memory_kb("self", "VmRSS")
    told = list(run(made, tasks=6, wanted=args.records, lasting=10))
    tenth = max(len(told) // 10, 1)
    first = fmean(cost for cost, _ in told[:tenth])
    last = fmean(cost for cost, _ in told[-tenth:])
    count = sum(each for _, each in told)
    report.figures += [
        Figure(name=f"{count:,} records: the first tenth", unit="ns/record", summary=once(first)),
        Figure(name=f"{count:,} records: the last tenth", unit="ns/record", summary=once(last)),
        Figure(
            name="peak memory beyond the batches",
            unit="MB",
            summary=once((memory_kb("self", "VmHWM") - idle_kb) / MB),
            at_most=LIMIT_MB,
        ),
    ]
    for tasks in map(int, args.tasks.split(",")):
        costs = [cost for cost, _ in run(made, tasks=tasks, wanted=BATCHES * len(made[0]))]
        report.figures.append(
            Figure(name=f"{tasks:,} tasks: the mean", unit="ns/record", summary=once(fmean(costs)))
        )
    for tasks in map(int, args.tasks.split(",")):
        costs = list(turns(made, tasks=tasks))
        report.figures.append(
            Figure(name=f"a turn, {tasks:,} tasks counted", unit="ms", summary=quartiles(costs))
        )
    report.show(as_json=args.json)


def turns(made: list[RecordArray], *, tasks: int):  # noqa: ANN201 - yields costs
    """Let a share count packets of many tasks, then of ten others; yield each turn's cost in ms."""
    share = Share(0)
    fed = sent = 0

    def turn(batch: RecordArray) -> float:
        """Feed it what a quarter of its grace time brought."""
        nonlocal fed, sent
        header = Header(host=1, session=1, partition=0, before=sent, records=len(batch))
        fed, sent = fed + 1, sent + len(batch)
        parcel = Parcel(header=header, columns=columns_of(batch))
        began = time.process_time_ns()
        share.take("bench", offset=fed, taken_ns=fed * GRACE_NS // 4, parcel=parcel)
        share.advance(fed * GRACE_NS // 4)
        for piece in share.pieces():
            pack_piece(piece)
        return (time.process_time_ns() - began) / 1e6

    for number, batch in enumerate(made):
        turn(varied(batch, number, tasks))
    for number in range(SETTLING_TURNS + TURNS):
        batch = made[number % len(made)]
        some = np.isin(batch["digest"], np.unique(batch["digest"])[:TURN_PACKETS])
        cost = turn(varied(batch[some], len(made) + number, 10, first=tasks))
        if number >= SETTLING_TURNS:
            yield cost


def run(  # noqa: ANN201 - yields costs
    made: list[RecordArray], *, tasks: int, wanted: int, lasting: int = sys.maxsize
):
    """Feed a partition; yield each batch's cost in ns a record, and its records.

    lasting: for how many batches tasks last, before there are others.
    """
    partition = Partition()
    taken = number = 0
    while taken < wanted:
        batch = varied(made[number % len(made)], number, tasks, first=number // lasting * tasks)
        packed = records.packed(batch)
        began = time.process_time_ns()
        for blob in packed:
            partition.take(blobs.unpack_columns(blob), number * GRACE_NS)
        partition.advance((number + 1) * GRACE_NS)
        partition.forget((number - FORGOTTEN_AFTER) * GRACE_NS)
        yield (time.process_time_ns() - began) / len(batch), len(batch)
        taken += len(batch)
        number += 1


def varied(batch: RecordArray, number: int, tasks: int, first: int = 0) -> RecordArray:
    """Make other packets of a batch's, each of one of so many tasks."""
    other = batch.copy()
    odd = np.uint64(2 * number + 1)
    other["digest"] *= odd  # odd factors keep digests apart
    is_source = other["task_id"] != 0
    name = other["digest"][is_source] % np.uint64(tasks) + np.uint64(first + 1)
    other["task_id"][is_source] = name * np.uint64(0x9E3779B97F4A7C15)
    return other


if __name__ == "__main__":
    main()
