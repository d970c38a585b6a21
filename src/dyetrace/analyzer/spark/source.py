"""The record log of all regions as a streaming source of Spark's.

An offset says, for each region and partition, which entry was the last, and for each
partition up to which time of the log everything is in: so a batch that is done again
after a failure is the same batch, to the nanosecond.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadLimit

from dyetrace.analyzer.engine import PATIENCE_NS, VISIBLE_WITHIN_NS
from dyetrace.analyzer.engines import Sources
from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.connecting import Credentials, Region, connected
from dyetrace.transport.nats.region_log import RegionLog

T = TypeVar("T")
Offsets = dict[str, int]
Row = tuple[int, str, int, int, bytes]

SCHEMA = "partition int, region string, offset bigint, taken_ns bigint, parcel binary"
NAME = "dyetrace_log"
PARCELS_A_BATCH = 4096  # of each region and partition
AT_ONCE = 512
TRIED_FOR_NS = 120 * 1_000_000_000  # a batch that needs a region which does not answer
AGAIN_AFTER_S = 0.5
IDLE_NS = 60 * 1_000_000_000  # of the log: after that without a record, time stands still


@dataclass(frozen=True, slots=True)
class Stretch(InputPartition):
    """What of one partition a batch has to read: by region, after which entry and up to which."""

    partition: int
    until_ns: int
    entries: tuple[tuple[str, int, int], ...]


class LogSource(DataSource):
    """The record log; options: `sources`, as written_sources gives them."""

    @classmethod
    def name(cls) -> str:
        """Name the source's format."""
        return NAME

    def schema(self) -> str:
        """Say what a row is: one parcel; or, without a region, how far the log's time is."""
        return SCHEMA

    def streamReader(self, schema: object) -> DataSourceStreamReader:  # noqa: ARG002, N802 - Spark's
        """Make the reader."""
        return LogReader(read_sources(self.options["sources"]))


class LogReader(DataSourceStreamReader):
    """Reads the log from offset to offset."""

    def __init__(self, sources: Sources) -> None:
        """Take where to read."""
        self._sources = sources
        self._heard_ns: dict[str, int] = {}

    def initialOffset(self) -> Offsets:  # noqa: N802 - Spark's name
        """Begin where each region's log begins."""
        return patiently(self._sources, self._beginning)

    def latestOffset(self, start: Offsets, limit: ReadLimit) -> Offsets:  # noqa: ARG002, N802 - as above
        """Say up to where a next batch may read; a region that does not answer waits."""
        return at_log(self._sources, lambda logs: self._end(logs, start))

    def partitions(self, start: Offsets, end: Offsets) -> Sequence[InputPartition]:
        """Cut a batch into stretches, one a partition."""
        return [
            Stretch(
                partition,
                end[_until(partition)],
                tuple(
                    (region.name, start.get(key, 0), end[key])
                    for region in self._sources.regions
                    for key in (_key(region.name, partition),)
                ),
            )
            for partition in range(self._sources.partitions)
        ]

    def read(self, partition: InputPartition) -> Iterator[Row]:
        """Read a stretch, parcel by parcel, and after them tell the time."""
        if not isinstance(partition, Stretch):
            raise TypeError(partition)
        yield from patiently(self._sources, lambda logs: _stretch(logs, partition))
        yield (partition.partition, "", 0, partition.until_ns, b"")

    async def _beginning(self, logs: Sequence[RegionLog]) -> Offsets:
        offsets = {_until(partition): 0 for partition in range(self._sources.partitions)}
        for log in logs:
            for partition in range(self._sources.partitions):
                first = await log.first(partition)
                offsets[_key(log.region, partition)] = max(first - 1, 0)
        return offsets

    async def _end(self, logs: Sequence[RegionLog], start: Offsets) -> Offsets:
        end = dict(start)
        for partition in range(self._sources.partitions):
            untils, newest_ns = [], 0
            for log in logs:
                try:
                    until_ns, last_ns = await _up_to(log, partition, start, end)
                except LogUnreachable:
                    continue
                self._heard_ns[log.region] = time.time_ns()
                untils.append(until_ns)
                newest_ns = max(newest_ns, last_ns)
            until = _until(partition)
            if len(untils) < len(self._sources.regions) and self._may_still_answer():
                continue
            is_idle = start[until] > newest_ns + IDLE_NS
            end[until] = start[until] if is_idle else max(start[until], min(untils, default=0))
        return end

    def _may_still_answer(self) -> bool:
        """Whether a region that does not answer now is still waited for."""
        now_ns = time.time_ns()
        heard = (self._heard_ns.setdefault(region.name, now_ns) for region in self._sources.regions)
        return any(0 < now_ns - each < PATIENCE_NS for each in heard)


async def _up_to(log: RegionLog, partition: int, start: Offsets, end: Offsets) -> tuple[int, int]:
    """Enter up to where a region's partition may be read; tell its time there, and its newest."""
    key = _key(log.region, partition)
    asked_ns = time.time_ns()
    last, last_ns = await log.newest(partition)
    end[key] = max(start.get(key, 0), min(last, start.get(key, 0) + PARCELS_A_BATCH))
    if end[key] < last:
        return await log.taken_ns(partition, end[key]), last_ns
    return max(asked_ns - VISIBLE_WITHIN_NS, last_ns), last_ns


async def _stretch(logs: Sequence[RegionLog], stretch: Stretch) -> list[Row]:
    rows: list[Row] = []
    found = {log.region: log for log in logs}
    for region, after, last in stretch.entries:
        log, offset = found[region], after
        while offset < last:
            raw = await log.raw(
                stretch.partition, offset, limit=min(AT_ONCE, last - offset), wait_s=1.0
            )
            for entry in raw:
                if entry.offset <= last and await log.parcel(stretch.partition, entry):
                    row = (stretch.partition, region, entry.offset, entry.taken_ns, entry.data)
                    rows.append(row)
            offset = raw[-1].offset if raw else await _where_it_goes_on(log, stretch, offset)
    return rows


async def _where_it_goes_on(log: RegionLog, stretch: Stretch, offset: int) -> int:
    """Pass over entries that were too old to be kept any longer."""
    return max(offset, await log.first(stretch.partition) - 1)


def at_log(sources: Sources, work: Callable[[Sequence[RegionLog]], Awaitable[T]]) -> T:
    """Do something with the logs of all regions that answer; Spark's threads have no event loop."""

    async def connect_and_work() -> T:
        async with AsyncExitStack() as stack:
            logs = []
            for region in sources.regions:
                with suppress(LogUnreachable):
                    client = await stack.enter_async_context(connected(region))
                    logs.append(RegionLog(client.jetstream(), region.name))
            return await work(logs)

    return asyncio.run(connect_and_work())


def patiently(sources: Sources, work: Callable[[Sequence[RegionLog]], Awaitable[T]]) -> T:
    """Do something that needs every region; raises LogUnreachable when that lasts too long."""

    async def with_all(logs: Sequence[RegionLog]) -> T:
        missing = {region.name for region in sources.regions} - {log.region for log in logs}
        if missing:
            raise LogUnreachable(region=min(missing), why="no answer")
        return await work(logs)

    deadline_ns = time.monotonic_ns() + TRIED_FOR_NS
    while True:
        try:
            return at_log(sources, with_all)
        except LogUnreachable:
            if time.monotonic_ns() > deadline_ns:
                raise
            time.sleep(AGAIN_AFTER_S)


def written_sources(sources: Sources) -> str:
    """Write where to read as an option of Spark's."""
    return json.dumps(asdict(sources), default=str)


def read_sources(text: str) -> Sources:
    """Read what written_sources wrote."""
    found = json.loads(text)
    regions = [
        Region(
            name=each["name"],
            servers=each["servers"],
            user=each["user"],
            credentials=_credentials(each["credentials"]),
        )
        for each in found["regions"]
    ]
    return Sources(regions=regions, partitions=found["partitions"], replicas=found["replicas"])


def _credentials(found: dict[str, str] | None) -> Credentials | None:
    if found is None:
        return None
    return Credentials(
        certificate=Path(found["certificate"]),
        key=Path(found["key"]),
        authority=Path(found["authority"]),
        server_name=found["server_name"],
    )


def _key(region: str, partition: int) -> str:
    return f"{region}/{partition}"


def _until(partition: int) -> str:
    return f"until/{partition}"
