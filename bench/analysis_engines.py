"""How numpy, Polars, DuckDB and plain Python count the same records, by turns, on one core.

Needs `pip install dyetrace[bench]`. All begin with the same blobs; each batch is given to
each of them, in an order that is drawn anew, and they must agree on how many packets of
each task fared alike. Seconds are CPU time.
"""

import os

os.environ["POLARS_MAX_THREADS"] = "1"

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from statistics import median

from lib import dict_analysis, records
from lib.report import Figure, Report, options
from lib.stats import quartiles
from lib.table_engines import Counted, DuckDb, by_polars

from dyetrace.analysis.columns import Columns, joined
from dyetrace.analysis.counting import counted
from dyetrace.wire import blobs

Blobs = Sequence[bytes]


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--packets", type=int, default=4_000, help="packets a batch")
    args = parser.parse_args()
    if not (find_spec("polars") and find_spec("duckdb")):
        print("not compared: pip install 'dyetrace[bench]' brings Polars and DuckDB")
        return
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    duckdb = DuckDb()
    engines: dict[str, Callable[[Blobs], Counted]] = {
        "numpy (dyetrace)": lambda packed: by_numpy(unpacked(packed)),
        "Polars": lambda packed: by_polars(unpacked(packed)),
        "DuckDB": lambda packed: duckdb.count(unpacked(packed)),
        "plain Python, dictionaries": by_dictionaries,
    }
    mix, draw = records.Mix(), random.Random(1)
    speeds: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(args.rounds + 1):
        batch = mix.batch(number, args.packets)
        packed = records.packed(batch)
        found = {}
        for name in draw.sample(list(engines), len(engines)):
            began = time.process_time()
            found[name] = engines[name](packed)
            if number:  # the first warms up
                speeds[name].append(len(batch) / (time.process_time() - began))
        assert len({tuple(sorted(each.items())) for each in found.values()}) == 1, found
    report = Report(title=f"Counting by engine: {args.rounds} batches of {len(batch):,} records")
    ours = next(iter(engines))
    for name, each in speeds.items():
        report.figures.append(Figure(name=name, unit="records/s", summary=quartiles(each)))
        ratios = [mine / other for mine, other in zip(speeds[ours], each, strict=True)]
        if name != ours:
            report.notes.append(f"numpy is {median(ratios):.1f} times as fast as {name}")
    report.show(as_json=args.json)


def unpacked(packed: Blobs) -> Columns:
    return joined([blobs.unpack_columns(blob) for blob in packed])


def by_numpy(columns: Columns) -> Counted:
    tally = counted(columns)
    kinds = Counter(zip(tally.kinds.task.tolist(), tally.kinds.packets.tolist(), strict=True))
    return kinds + open_kinds(tally.open)


def open_kinds(columns: Columns) -> Counted:
    """Count the packets that were left open as they are, as the others here do."""
    from dyetrace.analysis.counting import tally_of
    from dyetrace.analysis.packets import arrange, packets_of

    tally = tally_of(packets_of(arrange(columns)))
    return Counter(zip(tally.kinds.task.tolist(), tally.kinds.packets.tolist(), strict=True))


def by_dictionaries(packed: Blobs) -> Counted:
    counts = dict_analysis.analyze(packed, TOPOLOGY)
    return Counter((task, packets) for (task, _), packets in counts.items())


TOPOLOGY = records.topology()

if __name__ == "__main__":
    main()
