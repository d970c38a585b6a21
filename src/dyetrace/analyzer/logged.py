"""A task's records are in the record log, and analysed by processes of their own."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from nats.aio.client import Client

from dyetrace.analysis.partial import Partial
from dyetrace.analyzer.client import AnalyzerClient, Answer
from dyetrace.errors import AnalyzersBehind, InvalidRequest, LogUnreachable, TooDiverse
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.transport.nats.connecting import Region, stay_connected
from dyetrace.transport.nats.tally_log import TallyLog
from dyetrace.wire.messages import Written
from dyetrace.wire.progress import PROGRESS, Progress, unpack

LOOK_EVERY_S = 0.1
BEHIND_FOR_S = 15.0  # analyzers may be starting anew, or wait for a region that is away


@dataclass(slots=True)
class LogReader:
    """What analyzers tell in the home region, for all tasks of a controller."""

    home: Region
    partitions: int
    _tallies: TallyLog | None = None
    _looked_at: float = 0.0
    _progress: Sequence[Progress] = ()
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Be connected whenever that is possible, until cancelled."""
        await stay_connected(self.home, self._use)

    def analyzer_of(
        self, task_id: TaskId, topology: Topology, *, is_begun_here: bool
    ) -> "LoggedAnalyzer":
        """Give who asks for one task."""
        return LoggedAnalyzer(
            log=self, task_id=task_id, topology=topology, is_begun_here=is_begun_here
        )

    async def progress(self) -> Sequence[Progress]:
        """Say how far all partitions were read a moment ago.

        Raises LogUnreachable; InvalidRequest where analyzers were told of other partitions.
        """
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked_at >= LOOK_EVERY_S:
                self._progress = await self._read_progress()
                self._looked_at = now
            return self._progress

    async def answer(
        self, task: TaskId, *, topology: Topology, clocks: Mapping[int, int]
    ) -> Answer:
        """Put together what analyzers know of a task; raises LogUnreachable and BadTally."""
        asking = AnalyzerClient(pieces=self._pieces(), partitions=self.partitions)
        return await asking.answer(task, topology=topology, clocks=dict(clocks))

    async def _read_progress(self) -> Sequence[Progress]:
        pieces, numbers = self._pieces(), range(self.partitions)
        found = await asyncio.gather(*(pieces.read(PROGRESS, number) for number in numbers))
        progress = [unpack(data) for data in found if data]
        others = {each.partitions for each in progress} - {self.partitions}
        if others:
            raise InvalidRequest(
                f"analyzers read a record log of {min(others)} partitions, this controller was "
                f"told of {self.partitions}: give all the same number"
            )
        return progress

    def _pieces(self) -> TallyLog:
        if self._tallies is None:
            raise LogUnreachable(region=self.home.name, why="not connected")
        return self._tallies

    async def _use(self, client: Client) -> None:
        self._tallies = TallyLog(client.jetstream(), self.home.name)
        try:
            await asyncio.Event().wait()  # until it is cancelled
        finally:
            self._tallies = None


@dataclass(slots=True, kw_only=True)
class LoggedAnalyzer:
    """Asks the analyzers of the record log for one task.

    is_begun_here: else losses before are not known, and all there are may be the task's.
    """

    log: LogReader
    task_id: TaskId
    topology: Topology
    is_begun_here: bool = True
    _progress: Sequence[Progress] = ()  # as of what is known
    _clocks: dict[int, int] = field(default_factory=dict)
    _known: Answer = field(default_factory=lambda: Answer(partial=Partial()))
    _not_counted: Partial = field(default_factory=Partial)
    _lost_before: Counter[int] = field(default_factory=Counter)
    _hosts: set[int] = field(default_factory=set)
    _waiting: dict[int, int] = field(default_factory=dict)  # at agents, by host

    async def begin(self) -> None:
        """Count losses from now on; raises where the log cannot be reached."""
        found = await self.log.progress()
        if self.is_begun_here:
            self._lost_before = _lost(found)

    async def catch_up(self, written: Mapping[int, Written]) -> None:
        """Wait until analyzers have read what agents have written.

        Raises AnalyzersBehind, TooDiverse or LogUnreachable after a while.
        """
        self._hosts |= written.keys()
        self._waiting |= {host: each.waiting for host, each in written.items()}
        deadline = asyncio.get_running_loop().time() + BEHIND_FOR_S
        while True:
            try:
                behind = _behind(await self.log.progress(), written.values())
                if not behind and (await self._asked(self._clocks)).is_whole:
                    return
            except LogUnreachable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                if asyncio.get_running_loop().time() > deadline:
                    if behind:
                        raise AnalyzersBehind(partitions=behind, waited_s=BEHIND_FOR_S)
                    raise TooDiverse
            await asyncio.sleep(LOOK_EVERY_S)

    async def partial(self, clocks: Mapping[int, int]) -> Partial:
        """Give what analyzers know by now; while the log is away, what they knew before."""
        with suppress(LogUnreachable):  # it is waited for when all has to be known
            await self._asked(dict(clocks))
        return self._known.partial.without(self._not_counted)

    async def start_anew(self) -> None:
        """Count only packets that are colored from now on."""
        self._not_counted = self._known.partial

    def lost(self) -> Mapping[int, int]:
        """Count what is missing in the log, by host; what came too late may be any host's."""
        lost = _lost(self._progress) - self._lost_before
        lost.update(self._waiting)
        lost.update(dict.fromkeys(self._hosts, self._known.late))
        return +lost

    async def _asked(self, clocks: dict[int, int]) -> Answer:
        """Ask for the answer, unless nothing has been read since."""
        progress = await self.log.progress()
        if progress != self._progress or clocks != self._clocks or not self._known.is_whole:
            self._known = await self.log.answer(self.task_id, topology=self.topology, clocks=clocks)
            self._progress, self._clocks = progress, clocks
        return self._known


def _lost(progress: Sequence[Progress]) -> Counter[int]:
    lost = Counter[int]()
    for each in progress:
        lost.update(each.lost)
    return lost


def _behind(progress: Sequence[Progress], written: Iterable[Written]) -> list[int]:
    """Name the partitions in which there is something that nobody has read."""
    read = {each.partition: each.offsets for each in progress}
    return sorted(
        {
            partition
            for each in written
            for partition, offset in each.offsets.items()
            if read.get(partition, {}).get(each.region, 0) < offset
        }
    )
