"""Where an analyzer reads, and the embedded engine as a process runs it."""

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from dyetrace.analysis.partition import Bounds
from dyetrace.analyzer.engine import EmbeddedEngine
from dyetrace.analyzer.keeping import FolderKeeper
from dyetrace.transport.nats.connecting import Region, connected
from dyetrace.transport.nats.region_log import RegionLog
from dyetrace.transport.nats.streams import Keeping, ensure_streams
from dyetrace.transport.nats.tally_log import TallyLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The record log: its regions, the first of which is home to the tallies."""

    regions: Sequence[Region]
    partitions: int
    replicas: int = 1


async def run_embedded(
    sources: Sources, *, state: Path, partitions: Sequence[int], bounds: Bounds
) -> None:
    """Analyse until SIGTERM or Ctrl-C; raises LogUnreachable where the log is not there at first.

    partitions: those of this process.
    """
    async with AsyncExitStack() as stack:
        logs = []
        for region in sources.regions:
            js = (await stack.enter_async_context(connected(region))).jetstream()
            await ensure_streams(
                js,
                region=region.name,
                partitions=sources.partitions,
                keeping=Keeping(replicas=sources.replicas),
            )
            logs.append(RegionLog(js, region.name))
        sink = TallyLog(logs[0].js, logs[0].region)
        await sink.ensure(replicas=sources.replicas)
        engine = EmbeddedEngine(
            logs=logs,
            sink=sink,
            keeper=FolderKeeper(state),
            partitions=partitions,
            of_partitions=sources.partitions,
            now_ns=time.time_ns,
            bounds=bounds,
        )
        await _until_told(engine)


async def _until_told(engine: EmbeddedEngine) -> None:
    task = asyncio.create_task(engine.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
