"""The same counting in Polars and in DuckDB. For comparison only.

Packets are grouped by digest, their records hashed to a signature, and packets counted by task
and signature, with extremes of length and time, and delays by record and bucket.
"""

from collections import Counter
from typing import Any

import numpy as np

from dyetrace.analysis.columns import Columns, mask_of, word_of

Counted = Counter[tuple[int, int]]
"""How many kinds of a task have so many packets."""

FEATURE = (
    "place",
    "device",
    "point",
    "call_site",
    "reason",
    *(f"outer{n}" for n in range(4)),
    "vni",
)
FLOW = ("src0", "src1", "dst0", "dst1", "ports")


def table(columns: Columns) -> dict[str, Any]:
    """Cut out what counting looks at."""
    word = columns.__getitem__
    last, device = word(word_of("point")), word(word_of("ifindex"))
    first = word_of("src")
    outer = word_of("outer_src")
    return {
        "digest": word(word_of("digest")),
        "task": word(word_of("task_id")),
        "seen": word(word_of("seen_ns")).view(np.int64),
        "place": word(word_of("host")),
        "device": device & mask_of("ifindex"),
        "vni": device & mask_of("vni"),
        "point": last & mask_of("point", "encapsulation"),
        "ttl": (last & mask_of("ttl")) >> np.uint64(16),
        "call_site": word(word_of("call_site")),
        "reason": word(word_of("drop_reason")) & mask_of("drop_reason"),
        "length": word(word_of("payload_length")) & mask_of("payload_length"),
        "ports": word(word_of("src_port")) & mask_of("src_port", "dst_port"),
        **{name: word(first + number) for number, name in enumerate(FLOW[:4])},
        **{f"outer{number}": word(outer + number) for number in range(4)},
    }


def by_polars(columns: Columns) -> Counted:
    """Count with Polars."""
    import polars as pl

    source = pl.col("task") != 0
    rows = (
        pl.DataFrame(table(columns))
        .with_columns(feature=pl.when(source).then(0).otherwise(pl.struct(FEATURE).hash()))
        .unique(["digest", "seen", "place", "device", "point", "task"])
        .sort("digest", "feature")
    )
    packets = rows.group_by("digest", maintain_order=True).agg(
        pl.len().alias("count"),
        *(pl.col(name).first().alias(f"{name}_") for name in (*FLOW, "ttl", "seen", "task")),
    )
    rows = rows.join(packets, on="digest", maintain_order="left")
    differs = pl.any_horizontal(pl.col(name) != pl.col(f"{name}_") for name in FLOW)
    spent = pl.col("ttl_").cast(pl.Int64) - pl.col("ttl").cast(pl.Int64)
    delay = (pl.col("seen") - pl.col("seen_")).clip(0)
    rows = rows.with_columns(
        told=pl.struct("feature", spent.alias("spent"), differs.alias("differs")).hash() // 1024,
        position=pl.int_range(pl.len()).over("digest"),
        bucket=(delay.clip(1).log(2) * 64).cast(pl.Int32),
    )
    signed = (
        rows.group_by("digest")
        .agg(
            pl.col("told").sum().alias("signature"),
            pl.col("task_").first(),
            pl.col("length").first(),
            pl.col("seen_").first(),
        )
        .filter(pl.col("task_") != 0)
    )
    kinds = signed.group_by("task_", "signature").agg(
        pl.len(),
        pl.col("length").min().alias("low"),
        pl.col("length").max().alias("high"),
        pl.col("seen_").min().alias("first"),
        pl.col("seen_").max().alias("last"),
    )
    delays = (
        rows.join(signed.select("digest", "signature"), on="digest")
        .group_by("task_", "signature", "position", "bucket")
        .agg(pl.len())
    )
    assert len(delays)
    return Counter(zip(kinds["task_"].to_list(), kinds["len"].to_list(), strict=True))


DUCKDB = """
WITH marked AS (
    SELECT DISTINCT ON (digest, seen, place, device, point, task) *,
        CASE WHEN task != 0 THEN 0::UBIGINT ELSE hash({feature}) END AS feature FROM records
), placed AS (
    SELECT *, row_number() OVER packet AS position, {firsts}
    FROM marked WINDOW packet AS (PARTITION BY digest ORDER BY feature)
), told AS (
    SELECT *, hash(feature, ttl_::INT - ttl::INT, {differs}) // 1024 AS told,
        (log2(greatest(seen - seen_, 1)) * 64)::INT AS bucket FROM placed WHERE task_ != 0
), signed AS (
    SELECT digest, sum(told) AS signature, any_value(task_) AS task,
        any_value(seen_) AS colored, first(length ORDER BY position) AS length
    FROM told GROUP BY digest
), delays AS (
    SELECT told.task_, signature, position, bucket, count(*) AS packets
    FROM told JOIN signed USING (digest) GROUP BY ALL
)
SELECT task, count(*) AS packets, signature, min(length), max(length), min(colored), max(colored),
    (SELECT count(*) FROM delays) FROM signed GROUP BY task, signature
"""


class DuckDb:
    """Counts with DuckDB, on one thread as all do here."""

    def __init__(self) -> None:
        import duckdb

        self._connection = duckdb.connect(config={"threads": 1})
        self._query = DUCKDB.format(
            feature=", ".join(FEATURE),
            firsts=", ".join(
                f"first_value({name}) OVER packet AS {name}_"
                for name in (*FLOW, "ttl", "seen", "task")
            ),
            differs=" OR ".join(f"{name} != {name}_" for name in FLOW),
        )

    def count(self, columns: Columns) -> Counted:
        """Count one batch."""
        import pyarrow as pa

        self._connection.register("records", pa.table(table(columns)))
        found = self._connection.execute(self._query).fetchall()
        return Counter((row[0], row[1]) for row in found)
