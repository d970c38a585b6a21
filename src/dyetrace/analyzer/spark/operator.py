"""A share of the log as the state of one key: what Spark calls with each batch's rows."""

from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
from pyspark.sql.streaming.state import GroupState

from dyetrace.analysis.partition import Bounds
from dyetrace.analyzer.share import Share
from dyetrace.wire import progress
from dyetrace.wire.parcels import BadParcel, unpack
from dyetrace.wire.tallies import pack_piece

PIECES = "task string, partition int, revision bigint, piece binary"
STATE = "kept binary"

Operator = Callable[[tuple[Any, ...], Iterator[pd.DataFrame], GroupState], Iterator[pd.DataFrame]]


def operator(bounds: Bounds, *, partitions: int) -> Operator:
    """Make the operator, for a log of so many partitions."""

    def work(
        key: tuple[Any, ...], frames: Iterator[pd.DataFrame], state: GroupState
    ) -> Iterator[pd.DataFrame]:
        """Take one partition's rows of one batch, and tell what is new."""
        partition = int(key[0])
        kept = bytes(state.get[0]) if state.exists else None
        share = Share(partition, bounds=bounds, kept=kept)
        rows = pd.concat(list(frames))
        _take(share, rows[rows["region"] != ""].sort_values(["region", "offset"]))
        share.advance(int(rows.loc[rows["region"] == "", "taken_ns"].max()))
        pieces = [
            (_task(piece.task), piece.partition, piece.revision, pack_piece(piece))
            for piece in share.pieces()
        ]
        now = share.progress(partitions)
        pieces.append((_task(progress.PROGRESS), partition, now.revision, progress.pack(now)))
        state.update((share.kept(),))
        yield pd.DataFrame(pieces, columns=["task", "partition", "revision", "piece"])

    return work


def _task(task: int) -> str:
    """Write a task's number: it may not fit into what Spark has."""
    return f"{task:016x}"


def _take(share: Share, rows: pd.DataFrame) -> None:
    for row in rows.itertuples(index=False):
        region, offset = str(row.region), int(row.offset)
        if region not in share.offsets and offset > 1:
            share.begin(region, offset=offset - 1)
        try:
            parcel = unpack(bytes(row.parcel))
        except BadParcel:  # quarantined when it was read
            share.skip(region, offset)
            continue
        share.take(region, offset=offset, taken_ns=int(row.taken_ns), parcel=parcel)
