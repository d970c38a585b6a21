"""The query: the record log, joined and counted by partition, told to the home region."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.state import GroupStateTimeout

from dyetrace.analysis.partition import Bounds
from dyetrace.analyzer.engines import Sources
from dyetrace.analyzer.spark.operator import PIECES, STATE, operator
from dyetrace.analyzer.spark.source import NAME, LogSource, written_sources
from dyetrace.transport.nats.connecting import connected
from dyetrace.transport.nats.streams import Keeping, ensure_streams
from dyetrace.transport.nats.tally_log import TallyLog

TRIGGER = "1 second"
LOOK_EVERY_S = 1  # whether it is to stop


def run_spark(sources: Sources, *, master: str, state: Path, bounds: Bounds) -> None:
    """Run the query until SIGTERM or Ctrl-C; raises what ends it otherwise.

    state: where checkpoints go; every worker must see it.
    """
    asyncio.run(_prepare(sources))
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    session = (
        SparkSession.builder.master(master)
        .appName("dyetrace analyzer")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        # Spark searches errors by a regular expression that needs a stack as deep as they are long.
        .config("spark.driver.extraJavaOptions", "-Xss16m")
        # One task for each partition of the log: a key's state stays where it is.
        .config("spark.sql.shuffle.partitions", str(sources.partitions))
        .getOrCreate()
    )
    query = started(session, sources, state=state, bounds=bounds)

    told_to_stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told_to_stop.set())
    print(f"reading {sources.partitions} partitions by {master}", flush=True)  # noqa: T201 - the process is ready
    try:
        while not told_to_stop.is_set() and query.isActive:
            query.awaitTermination(LOOK_EVERY_S)
        query.stop()
    finally:
        session.stop()


def started(
    session: SparkSession, sources: Sources, *, state: Path, bounds: Bounds
) -> StreamingQuery:
    """Start the query, or go on with it from its checkpoints."""
    session.dataSource.register(LogSource)
    parcels = session.readStream.format(NAME).option("sources", written_sources(sources)).load()
    pieces = parcels.groupBy("partition").applyInPandasWithState(
        operator(bounds, partitions=sources.partitions),
        PIECES,
        STATE,
        "update",
        GroupStateTimeout.NoTimeout,
    )

    def tell(batch: DataFrame, _: int) -> None:
        batch.foreachPartition(lambda rows: asyncio.run(_told(sources, rows)))

    return (
        pieces.writeStream.foreachBatch(tell)
        .outputMode("update")
        .trigger(processingTime=TRIGGER)
        .option("checkpointLocation", str(state / "checkpoints"))
        .start()
    )


async def _prepare(sources: Sources) -> None:
    for region in sources.regions:
        async with connected(region) as client:
            await ensure_streams(
                client.jetstream(),
                region=region.name,
                partitions=sources.partitions,
                keeping=Keeping(replicas=sources.replicas),
            )
    home = sources.regions[0]
    async with connected(home) as client:
        await TallyLog(client.jetstream(), home.name).ensure(replicas=sources.replicas)


async def _told(sources: Sources, rows: Iterator[Row]) -> None:
    """Write pieces; one that is written again, or is older than what is there, changes nothing."""
    home = sources.regions[0]
    found = list(rows)
    if not found:
        return
    async with connected(home) as client:
        sink = TallyLog(client.jetstream(), home.name)
        for row in found:
            await sink.write(int(row.task, 16), row.partition, row.revision, bytes(row.piece))
