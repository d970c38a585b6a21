"""How the cost of a record grows with the number of tasks and with the length of the run.

All by one partition on one core, from blobs to tallies; seconds are CPU time. Each task's
packets take five ways from each of six VMs. A run of 100 million records: --records 100000000.
"""

import os
import time
from statistics import median

import numpy as np
from lib import records
from lib.processes import memory_kb
from lib.report import Figure, Report, options
from lib.stats import once, quartiles

from dyetrace.analysis.partition import Bounds, Partition
from dyetrace.model.record import RecordArray
from dyetrace.wire import blobs

GRACE_NS = Bounds().grace_ns
MB = 1024
LIMIT_MB = 150
VARIANTS = 8  # batches that a long run repeats, with other digests


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
    told = list(run(made, tasks=6, wanted=args.records))
    tenth = max(len(told) // 10, 1)
    first = median(cost for cost, _ in told[:tenth])
    last = median(cost for cost, _ in told[-tenth:])
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
        costs = [cost for cost, _ in run(made, tasks=tasks, wanted=8 * len(made[0]))]
        report.figures.append(
            Figure(name=f"{tasks:,} tasks", unit="ns/record", summary=quartiles(costs))
        )
    report.show(as_json=args.json)


def run(made: list[RecordArray], *, tasks: int, wanted: int):  # noqa: ANN201 - yields costs
    """Feed a partition; yield each batch's cost in ns a record, and its records."""
    partition = Partition()
    taken = number = 0
    while taken < wanted:
        batch = varied(made[number % len(made)], number, tasks)
        packed = records.packed(batch)
        began = time.process_time_ns()
        for blob in packed:
            partition.take(blobs.unpack_columns(blob), number * GRACE_NS)
        partition.advance((number + 1) * GRACE_NS)
        yield (time.process_time_ns() - began) / len(batch), len(batch)
        taken += len(batch)
        number += 1


def varied(batch: RecordArray, number: int, tasks: int) -> RecordArray:
    """Make other packets of a batch's, each of one of so many tasks."""
    other = batch.copy()
    odd = np.uint64(2 * number + 1)
    other["digest"] *= odd  # odd factors keep digests apart
    is_source = other["task_id"] != 0
    name = other["digest"][is_source] % np.uint64(tasks) + np.uint64(1)
    other["task_id"][is_source] = name * np.uint64(0x9E3779B97F4A7C15)
    return other


if __name__ == "__main__":
    main()
