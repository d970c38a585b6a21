"""A task's records are in the record log, and analysed by processes of their own."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from nats.aio.client import Client
from nats.js import JetStreamContext

from dyetrace.analysis.partial import Partial
from dyetrace.analyzer.client import AnalyzerClient, Answer
from dyetrace.errors import AnalyzersBehind, InvalidRequest, LogUnreachable, TooDiverse
from dyetrace.model.inspection import Inspection
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.transport.nats.connecting import Region, stay_connected
from dyetrace.transport.nats.region_log import RegionLog
from dyetrace.transport.nats.tally_log import TallyLog
from dyetrace.wire import codec
from dyetrace.wire.messages import Inspections, InspectionsKept, Written
from dyetrace.wire.progress import PROGRESS, Progress, unpack

LOOK_EVERY_S = 0.1
BEHIND_FOR_S = 30.0  # analyzers may be starting anew, or wait for a region that is away


@dataclass(slots=True)
class LogReader:
    """What is in the log for a controller: what analyzers tell, and agents' inspections.

    regions: the first is home, where analyzers tell.
    """

    regions: Sequence[Region]
    partitions: int
    _connected: dict[str, JetStreamContext] = field(default_factory=dict)
    _looked_at: float = 0.0
    _progress: Sequence[Progress] = ()
    _looking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> None:
        """Be connected whenever that is possible, until cancelled."""
        await asyncio.gather(
            *(stay_connected(region, partial(self._use, region.name)) for region in self.regions)
        )

    async def inspections(self, host: int, kept: InspectionsKept) -> Sequence[Inspection]:
        """Read what an agent has put beside its records; raises LogUnreachable and BadMessage."""
        log = RegionLog(self._at(kept.region), kept.region)
        content = await log.evidence(host, kept.document)
        if content is None:
            raise LogUnreachable(region=kept.region, why="the document is not there")
        found = codec.decode(content)
        if not isinstance(found, Inspections):
            raise codec.BadMessage(f"a document of {type(found).__name__}")
        return found.taken

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
        home = self.regions[0].name
        return TallyLog(self._at(home), home)

    def _at(self, region: str) -> JetStreamContext:
        if region not in self._connected:
            is_known = any(region == each.name for each in self.regions)
            why = "not connected" if is_known else "this controller was not told of it"
            raise LogUnreachable(region=region, why=why)
        return self._connected[region]

    async def _use(self, region: str, client: Client) -> None:
        self._connected[region] = client.jetstream()
        try:
            await asyncio.Event().wait()  # until it is cancelled
        finally:
            del self._connected[region]


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
    _is_to_ask: bool = False  # for what is known was told of another topology
    _clocks: dict[int, int] = field(default_factory=dict)
    _known: Answer = field(default_factory=lambda: Answer(partial=Partial()))
    _not_counted: Partial = field(default_factory=Partial)
    _lost_before: Counter[int] = field(default_factory=Counter)
    _hosts: set[int] = field(default_factory=set)
    _waiting: dict[int, int] = field(default_factory=dict)  # at agents, by host
    _unread: dict[int, set[int]] = field(default_factory=dict)  # partitions, by host
    _slowest_s: dict[int, float] = field(default_factory=dict)  # of what the log has, by host

    async def begin(self) -> None:
        """Count losses from now on; raises where the log cannot be reached."""
        found = await self.log.progress()
        if self.is_begun_here:
            self._lost_before = _lost(found)

    async def catch_up(self, written: Mapping[int, Written]) -> None:
        """Wait until analyzers have read what agents have written.

        What is not read after a while counts as lost, where it is some hosts' only. Else, and
        where the log is away, raises AnalyzersBehind, TooDiverse or LogUnreachable.
        """
        self._hosts |= written.keys()
        self._waiting |= {host: each.waiting for host, each in written.items()}
        self._slowest_s |= {host: each.slowest_s for host, each in written.items()}
        began = asyncio.get_running_loop().time()
        deadline = began if self._unread else began + BEHIND_FOR_S  # they were waited for before
        while True:
            is_late = asyncio.get_running_loop().time() > deadline
            try:
                self._unread = _unread(await self.log.progress(), written)
                is_whole = (await self._asked(self._clocks)).is_whole
            except LogUnreachable:
                if is_late:
                    raise
            else:
                if is_whole and not self._unread:
                    return
                if is_late:
                    self._refuse_unless_known(written, is_whole=is_whole)
                    return
            await asyncio.sleep(LOOK_EVERY_S)

    def _refuse_unless_known(self, written: Mapping[int, Written], *, is_whole: bool) -> None:
        """Raise where nothing is known of any host, or not all that was read is told."""
        have_written = {host for host, each in written.items() if each.offsets}
        if self._unread.keys() == have_written:
            partitions = sorted(set.union(*self._unread.values()))
            raise AnalyzersBehind(partitions=partitions, waited_s=BEHIND_FOR_S)
        if not is_whole:
            raise TooDiverse

    async def partial(self, clocks: Mapping[int, int]) -> Partial:
        """Give what analyzers know by now; while the log is away, what they knew before."""
        with suppress(LogUnreachable):  # it is waited for when all has to be known
            await self._asked(dict(clocks))
        return self._known.partial.without(self._not_counted)

    def know(self, topology: Topology) -> None:
        """Go by another topology."""
        self.topology, self._is_to_ask = topology, True

    async def start_anew(self) -> None:
        """Count only packets that are colored from now on."""
        self._not_counted = self._known.partial

    def lost(self) -> Mapping[int, int]:
        """Count what is missing in the log, by host; what came too late may be any host's."""
        lost = _lost(self._progress) - self._lost_before
        lost.update(self._waiting)
        lost.update(self._unread.keys())
        waits_s = min((each.waits_s for each in self._progress), default=0.0)
        lost.update(host for host, took in self._slowest_s.items() if took > waits_s > 0)
        lost.update(dict.fromkeys(self._hosts, self._known.late))
        return +lost

    async def _asked(self, clocks: dict[int, int]) -> Answer:
        """Ask for the answer, unless nothing has been read since."""
        progress = await self.log.progress()
        is_as_before = progress == self._progress and clocks == self._clocks
        if self._is_to_ask or not is_as_before or not self._known.is_whole:
            self._known = await self.log.answer(self.task_id, topology=self.topology, clocks=clocks)
            self._progress, self._clocks, self._is_to_ask = progress, clocks, False
        return self._known


def _lost(progress: Sequence[Progress]) -> Counter[int]:
    lost = Counter[int]()
    for each in progress:
        lost.update(each.lost)
    return lost


def _unread(progress: Iterable[Progress], written: Mapping[int, Written]) -> dict[int, set[int]]:
    """Name the partitions in which there is something of a host that nobody has read."""
    read = {each.partition: each.offsets for each in progress}
    behind = {
        host: {
            partition
            for partition, offset in each.offsets.items()
            if read.get(partition, {}).get(each.region, 0) < offset
        }
        for host, each in written.items()
    }
    return {host: partitions for host, partitions in behind.items() if partitions}
