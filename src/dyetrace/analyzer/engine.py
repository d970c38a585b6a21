"""The embedded engine: one process that reads its partitions of all regions."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from dyetrace.analysis.partition import Bounds
from dyetrace.analyzer.keeping import Keeper
from dyetrace.analyzer.share import Share
from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.region_log import RegionLog
from dyetrace.wire import progress
from dyetrace.wire.tallies import pack_piece

SECOND_NS = 1_000_000_000
VISIBLE_WITHIN_NS = SECOND_NS
"""What a region's log has taken can be read by then; its clock and ours agree as well."""

PATIENCE_NS = 10 * SECOND_NS  # for a region that does not answer; then the others go on
KEEP_EVERY_NS = 5 * SECOND_NS
TURN_S = 0.2
PARCELS_AT_ONCE = 256


class Sink(Protocol):
    """Where pieces go; to write one again changes nothing."""

    async def write(self, task: int, partition: int, revision: int, piece: bytes) -> bool:
        """Put a piece in the place of an older one."""


@dataclass(slots=True)
class Clock:
    """How far a region's log has been read, by the log's time."""

    heard_ns: int
    read_ns: int = 0


@dataclass(slots=True, kw_only=True)
class EmbeddedEngine:
    """Reads, joins, counts, tells and keeps, until it is cancelled.

    now_ns: the wall's clock. What it keeps is older than what it tells, so that after a
    crash nothing is missing, and what is told again says the same.
    """

    logs: Sequence[RegionLog]
    sink: Sink
    keeper: Keeper
    partitions: Sequence[int]  # of this process
    of_partitions: int  # that the log has
    now_ns: Callable[[], int]
    bounds: Bounds = field(default_factory=Bounds)
    records: int = 0

    async def run(self) -> None:
        """Work on all partitions at once."""
        async with asyncio.TaskGroup() as group:
            for partition in self.partitions:
                group.create_task(self._work_on(partition))

    async def _work_on(self, partition: int) -> None:
        share = Share(partition, bounds=self.bounds, kept=self.keeper.load(partition))
        clocks = {log.region: Clock(heard_ns=self.now_ns()) for log in self.logs}
        kept_ns, told = self.now_ns(), progress.Progress(partition, 0, 0, {})
        while True:
            came = await asyncio.gather(
                *(self._read(share, log, clocks[log.region]) for log in self.logs)
            )
            share.advance(self._watermark(clocks))
            await self._tell(share)
            told = await self._tell_progress(share, told)
            if self.now_ns() - kept_ns > KEEP_EVERY_NS:
                kept_ns = self.now_ns()
                self.keeper.save(partition, share.kept())
            if not any(came):
                await asyncio.sleep(TURN_S)

    async def _read(self, share: Share, log: RegionLog, clock: Clock) -> int:
        """Take what a region has; returns how many records that were."""
        try:
            if log.region not in share.offsets:
                first = await log.first(share.partition)
                if first > 1:
                    share.begin(log.region, offset=first - 1)
            after = share.offsets.get(log.region, 0)
            read = await log.read(share.partition, after, limit=PARCELS_AT_ONCE, wait_s=TURN_S)
        except LogUnreachable:
            return 0
        clock.heard_ns = self.now_ns()
        taken = 0
        for entry in read.entries:
            share.take(
                log.region, offset=entry.offset, taken_ns=entry.taken_ns, parcel=entry.parcel
            )
            taken += entry.parcel.header.records
        share.skip(log.region, read.offset)
        if read.entries:
            clock.read_ns = max(clock.read_ns, read.entries[-1].taken_ns)
        elif read.offset == after:
            clock.read_ns = max(clock.read_ns, clock.heard_ns - VISIBLE_WITHIN_NS)
        self.records += taken
        return taken

    def _watermark(self, clocks: dict[str, Clock]) -> int:
        """Up to when all regions have been read, but those that do not answer for long."""
        now_ns = self.now_ns()
        read = [clock.read_ns for clock in clocks.values() if now_ns - clock.heard_ns < PATIENCE_NS]
        return min(read, default=0)

    async def _tell(self, share: Share) -> None:
        for piece in share.pieces():
            await self._write(piece.task, piece.partition, piece.revision, pack_piece(piece))

    async def _tell_progress(self, share: Share, told: progress.Progress) -> progress.Progress:
        """Say how far it is, where that has changed; after the pieces that are so far."""
        now = share.progress(self.of_partitions)
        if (now.offsets, now.lost) == (told.offsets, told.lost):
            return told
        await self._write(progress.PROGRESS, now.partition, now.revision, progress.pack(now))
        return now

    async def _write(self, task: int, partition: int, revision: int, content: bytes) -> None:
        while True:
            try:
                await self.sink.write(task, partition, revision, content)
            except LogUnreachable:
                await asyncio.sleep(TURN_S)
            else:
                return
