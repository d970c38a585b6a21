"""How many records a second one core analyses, from blobs to tallies, and in what memory.

The records are made by this process and analysed by a child on one core; the
two take turns, so neither disturbs the other. All records of a packet are in
one batch.
"""

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

from lib import dict_analysis, records
from lib.processes import memory_kb
from lib.report import Figure, Report, options
from lib.stats import once, quartiles

from dyetrace.analysis.partition import Bounds, Partition
from dyetrace.model.record import RecordArray

GRACE_NS = Bounds().grace_ns
LIMIT_RECORDS_PER_S = 1_000_000
LIMIT_MB = 150
MB = 1024
DICT_BATCHES, DICT_SHARE = 3, 20  # batches of a twentieth
RECORDS_A_PACKET = 7  # at least, on average
Told = tuple[int, float]
"""Records and CPU seconds of one batch."""


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument(
        "--packets", type=int, default=40_000, help="packets a batch, 7.6 records each"
    )
    parser.add_argument("--tcp", action="store_true", help="half of the tasks trace TCP")
    parser.add_argument("--longest", type=float, default=300.0, help="seconds after which to stop")
    args = parser.parse_args()
    mix = records.Mix(tcp=args.tcp)
    told, rest = measured(
        analyze_batches,
        lambda number: mix.batch(number, args.packets),
        wanted=args.records,
        longest_s=args.longest,
    )
    plain, _ = measured(
        analyze_in_python,
        lambda number: mix.batch(number, args.packets // DICT_SHARE),
        wanted=DICT_BATCHES * RECORDS_A_PACKET * args.packets // DICT_SHARE,
        longest_s=args.longest,
    )
    speeds = [count / seconds for count, seconds in told]
    slow = [count / seconds for count, seconds in plain]
    total = sum(count for count, _ in told)
    overall = total / (sum(seconds for _, seconds in told) + rest["told_s"])
    report = Report(
        title=f"Analysis: {total:,} records, {'half TCP' if args.tcp else 'UDP'}, one core"
    )
    report.figures += [
        Figure(
            name="from blobs to tallies",
            unit="records/s",
            summary=quartiles(speeds),
            at_least=LIMIT_RECORDS_PER_S,
        ),
        Figure(name="plain Python, dictionaries", unit="records/s", summary=quartiles(slow)),
        Figure(
            name="peak memory beyond process and blobs",
            unit="MB",
            summary=once(rest["beyond_mb"]),
            at_most=LIMIT_MB,
        ),
    ]
    ratio = median(speeds) / median(slow)
    size = median(count for count, _ in told)
    report.notes += [
        f"all of it, to paths (of it {rest['told_s']:.2f} s): {overall:,.0f} records/s",
        f"{ratio:.0f} times plain Python",
        f"a batch: {size:,.0f} records, {rest['blob_mb']:.1f} MB packed",
        f"peak RSS {rest['peak_mb']:.0f} MB, {rest['idle_mb']:.0f} MB before the first batch",
        f"packets by fate: {rest['fates']}",
        "seconds are the analysing process's CPU time",
    ]
    report.show(as_json=args.json)


def measured(
    work: Callable[[Connection], None],
    make: Callable[[int], RecordArray],
    *,
    wanted: int,
    longest_s: float,
) -> tuple[list[Told], dict[str, Any]]:
    """Let a child do the work on batches until enough records went through."""
    processes = multiprocessing.get_context("spawn")
    ours, theirs = processes.Pipe()
    child = processes.Process(target=work, args=(theirs,), daemon=True)
    child.start()
    theirs.close()
    told: list[Told] = []
    began = time.monotonic()
    try:
        ours.recv()  # ready
        while sum(count for count, _ in told) < wanted and time.monotonic() - began < longest_s:
            ours.send(records.packed(make(len(told))))
            told.append(ours.recv())
        ours.send(None)
        return told, ours.recv()
    finally:
        child.terminate()
        child.join()


def analyze_batches(parent: Connection) -> None:
    from dyetrace.analysis.analyze import Analysis

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    partition = Partition()
    analysis = Analysis(topology=records.topology(), name_drop=records.name_drop)
    idle_kb = memory_kb("self", "VmRSS")
    blob_bytes = taken = 0
    parent.send("ready")
    while (packed := parent.recv()) is not None:
        began = time.process_time()
        count = take(partition, packed, taken)
        taken += 1
        parent.send((count, time.process_time() - began))
        blob_bytes = max(blob_bytes, sum(map(len, packed)))
    began = time.process_time()
    total = analysis.partial(partition.tally())
    told_s = time.process_time() - began
    peak_kb = memory_kb("self", "VmHWM")
    fates: Counter[str] = Counter()
    for alike in total.alike.values():
        fates[alike.path.fate.value] += alike.packets
    parent.send(
        {
            "peak_mb": peak_kb / MB,
            "idle_mb": idle_kb / MB,
            "blob_mb": blob_bytes / MB**2,
            "beyond_mb": (peak_kb - idle_kb) / MB - blob_bytes / MB**2,
            "told_s": told_s,
            "fates": dict(fates),
        }
    )


def take(partition: Partition, packed: Sequence[bytes], moment: int) -> int:
    """Feed a partition what came at one moment; before the next one its packets' grace is over."""
    from dyetrace.wire import blobs

    count = 0
    for blob in packed:
        batch = blobs.unpack_columns(blob)
        partition.take(batch, moment * GRACE_NS)
        count += batch.shape[1]
    partition.advance((moment + 1) * GRACE_NS)
    return count


def analyze_in_python(parent: Connection) -> None:
    from dyetrace.wire import blobs

    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    topology = records.topology()
    parent.send("ready")
    while (packed := parent.recv()) is not None:
        began = time.process_time()
        dict_analysis.analyze(packed, topology)
        seconds = time.process_time() - began
        parent.send((sum(len(blobs.unpack(blob)) for blob in packed), seconds))
    parent.send({})


if __name__ == "__main__":
    main()
