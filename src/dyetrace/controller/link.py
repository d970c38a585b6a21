"""The controller's end of its session with one agent, through as many connections as that takes."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from dyetrace.controller.clocks import Clock, related_clock
from dyetrace.controller.connection import Connection
from dyetrace.controller.part import BACK_WITHIN_S, DIED, LEASE_NS, OUT_OF_REACH, SILENT, Part
from dyetrace.errors import (
    AgentUnreachable,
    DyetraceError,
    LogUnreachable,
    PolicyRefused,
    ProtocolRefused,
)
from dyetrace.model.inspection import Inspection
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host
from dyetrace.wire.messages import (
    LOWEST_PROTOCOL,
    LOWEST_WITH_LOG,
    Acknowledge,
    Answer,
    Bye,
    Discover,
    Discovered,
    Health,
    HeldTask,
    Hello,
    Inspections,
    InspectionsKept,
    News,
    Ping,
    Pong,
    Records,
    Refused,
    Renew,
    Renewed,
    Request,
    SessionId,
    Welcome,
)

A = TypeVar("A", bound=Answer)

SECOND_NS = 1_000_000_000
RENEW_EVERY_S = 3.0
ANSWER_WITHIN_S = 5.0
WELCOME_WITHIN_S = 20.0  # it may be attaching for other tasks
EACH_PORT_WITHIN_S = 0.1  # attaching takes some 10 ms, and hosts of one kernel wait for each other
REFUSED_WITHIN_S = 5.0  # where nobody listens on this machine, nobody will soon
FIRST_WAIT_S, LONGEST_WAIT_S = 0.02, 0.25
AWAY_S = 2.0  # a task that begins waits no longer for who was there before
TRIES = 2  # of a request that a connected agent does not answer
FRESH_NS = SECOND_NS // 5  # tasks that begin at once share a discovery
CLOCK_HOLDS_S = 60.0  # crystals drift some 10 us a second


ReadInspections = Callable[[int, InspectionsKept], Awaitable[Sequence[Inspection]]]
"""Gives what a host's agent has put into the record log; raises a DyetraceError."""


async def _nowhere(_host: int, kept: InspectionsKept) -> Sequence[Inspection]:
    raise LogUnreachable(region=kept.region, why="this controller reads no log")


@dataclass(slots=True)
class AgentLink:
    """One agent, as long as it can be reached; shared by all tasks.

    is_up turns False when it cannot any more; requests then raise AgentUnreachable.
    Until then they wait for a connection, and are sent again by the next one.
    """

    name: str
    socket: Path
    on_records: Callable[["AgentLink", Records], None]
    on_host: Callable[[Host], None] = lambda _: None  # as it was discovered
    session: SessionId = ""
    is_resumable: bool = False
    log_partitions: int = 0  # of the record log that the agent is to write into; none: to us
    read_inspections: ReadInspections = _nowhere
    is_certified: bool = False  # its name is proven; it may not call itself otherwise
    why_out: Callable[[str], str] = lambda _: ""  # the gate's word for a host that it sent away
    number: int = 0  # Host.number, once it is known
    host: Host = field(default_factory=lambda: Host(number=0, name=""))
    clock: Clock | None = None
    health: Health = field(default_factory=Health)
    notes: tuple[str, ...] = ()
    version: str = ""
    held: dict[TaskId, HeldTask] = field(default_factory=dict)  # when it was connected last
    is_up: bool = False
    parts: dict[TaskId, Part] = field(default_factory=dict)  # of all tasks under way
    received: int = 0  # the last shipment
    records_lost: int = 0  # on their way: what the agent had no room for
    _records: int = 0  # in all shipments up to that one
    _process: str = ""  # the agent's
    _revision: str = ""  # of the host as it is known
    _connection: Connection | None = None
    _there: asyncio.Event = field(default_factory=asyncio.Event)  # a connection, or no hope of one
    _has_parts: asyncio.Event = field(default_factory=asyncio.Event)
    _work: "set[asyncio.Task[None]]" = field(default_factory=set)
    _reading: "set[asyncio.Task[None]]" = field(default_factory=set)  # inspections, in the log
    _opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    _keeping: "asyncio.Task[None] | None" = None
    _getting_to_know: "asyncio.Task[None] | None" = None  # what all who open it meanwhile wait for
    _discovered_at: float = -math.inf
    _related_at: float = -math.inf
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def open(self, *, at_most_old_ns: int = FRESH_NS) -> None:
        """Be connected, know the host as it is now, and relate its clock to ours.

        at_most_old_ns: how long ago it may have been discovered. Raises AgentUnreachable or
        ProtocolRefused.
        """
        await self._be_connected()
        if self._getting_to_know is None:
            self._getting_to_know = asyncio.create_task(self._get_to_know(at_most_old_ns))
            self._getting_to_know.add_done_callback(self._has_got_to_know)
        await asyncio.shield(self._getting_to_know)

    async def look(self, *, at_most_old_ns: int) -> None:
        """Be connected, and know the host as it was lately; raises what open does."""
        await self._be_connected()
        await self._discover(at_most_old_ns)

    @property
    def is_away(self) -> bool:
        """Whether a connection is lost, and another one is hoped for."""
        return self.is_up and (self._connection is None or self._connection.is_lost)

    async def relate(self, *, holds_s: float) -> None:
        """Relate its clock to ours, unless that was done in so many seconds."""
        now = time.monotonic()
        if now - self._related_at > holds_s:
            self.clock = await related_clock(lambda: self.ask(Ping(request=0), Pong))
            self._related_at = now

    async def _be_connected(self) -> None:
        async with self._opening:
            if not self.is_up:
                await self._connect(WELCOME_WITHIN_S)
                self.is_up = True
                if self._keeping is None or self._keeping.done():
                    self._keeping = self._start(self._keep_leases())

    async def ask(
        self, request: Request, kind: type[A], *, within_s: float = 0.0, ports: int = 0
    ) -> A:
        """Ask and wait, longer where that is said or ports are to be attached or let go.

        Raises AgentUnreachable, or PolicyRefused with the agent's reason.
        """
        within_s = (within_s or ANSWER_WITHIN_S) + ports * EACH_PORT_WITHIN_S
        numbered = replace(request, request=next(self._numbers))
        left = TRIES if self.is_resumable else 1
        while left:
            connection = await self._connected()
            try:
                return self._checked(await connection.ask(numbered, within_s=within_s), kind)
            except TimeoutError:
                left -= 1
                connection.abort()  # another one may reach it
            except ConnectionError:
                connection.abort()  # its end may not have been noticed yet
        self._give_up(SILENT)
        raise AgentUnreachable(f"the agent of host {self.name} does not answer")

    async def all_read(self) -> None:
        """Wait for inspections that are being read."""
        await asyncio.gather(*self._reading)

    def attend(self, part: Part) -> None:
        """Tell a task's part of what comes, from now on."""
        self.parts[part.task_id] = part
        self._has_parts.set()

    def acknowledge(self) -> None:
        """Let the agent forget what no task's verdict needs any more."""
        number = min((part.began_after for part in self.parts.values()), default=self.received)
        if self._connection is not None and number:
            self._connection.say(Acknowledge(request=0, number=number))

    async def close(self) -> None:
        """Disconnect; the agent lets go of all that this controller had asked for."""
        is_up, self.is_up = self.is_up, False
        connection, self._connection = self._connection, None
        for task in tuple(self._work):
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)
        self._there.set()
        if connection is None:
            return
        if is_up and not connection.is_lost:
            with suppress(TimeoutError, ConnectionError):  # then its leases end
                await connection.ask(Bye(request=next(self._numbers)), within_s=ANSWER_WITHIN_S)
        await connection.close()

    async def _connected(self) -> Connection:
        while self.is_up:
            if self._connection is not None and not self._connection.is_lost:
                return self._connection
            self._there.clear()
            await self._there.wait()
        raise AgentUnreachable(f"the agent of host {self.name} is gone")

    async def _connect(self, within_s: float) -> None:
        """Connect, and say where this session stands."""
        try:
            connection = await Connection.to(self.socket, on_news=self._take, on_lost=self._lost)
        except OSError as error:
            raise AgentUnreachable(
                f"no agent of host {self.name} at {self.socket}: {error.strerror or error}"
            ) from error
        hello = Hello(
            request=next(self._numbers),
            lowest=LOWEST_WITH_LOG if self.log_partitions else LOWEST_PROTOCOL,
            log_partitions=self.log_partitions,
            session=self.session,
            is_resumable=self.is_resumable,
            received=self.received,
            records=self._records,
        )
        try:
            await connection.ask(hello, within_s=within_s, first=self._welcomed)
        except (TimeoutError, ConnectionError) as error:
            await connection.close()
            raise AgentUnreachable(f"the agent of host {self.name} does not answer") from error
        except BaseException:
            await connection.close()
            raise
        if connection.is_lost:
            raise AgentUnreachable(f"the agent of host {self.name} is gone")
        self._connection = connection
        self._there.set()

    def _welcomed(self, answer: Answer) -> None:
        if isinstance(answer, Refused):
            raise ProtocolRefused(f"host {self.name}: {answer.text}")
        if not isinstance(answer, Welcome):
            raise ProtocolRefused(f"host {self.name} answered with {type(answer).__name__}")
        if self.is_certified and answer.host != self.name:
            raise AgentUnreachable(
                f"the agent of host {self.name} calls itself {answer.host!r}: start it with "
                f"--host {self.name}, as its certificate says"
            )
        self.number, self.version, self.held = answer.number, answer.version, answer.held
        if not self.received:
            self._records = max(self._records, answer.records_acknowledged)
        is_another = bool(self._process) and self._process != answer.process
        self._process = answer.process
        if is_another:
            self._related_at = -math.inf
        for part in self.parts.values():
            part.reconnected(answer, is_another_process=is_another)

    def _lost(self, connection: Connection) -> None:
        """A connection has ended by itself."""
        if connection is not self._connection:
            return  # one that was never told of, or is over anyway
        self._connection = None
        if not self.is_up:
            return
        if self.is_resumable:
            self._note(f"the connection to host {self.name} is lost: waiting for it")
            self._start(self._come_back())
        else:
            self._give_up(self._why_away())

    async def _come_back(self) -> None:
        """Connect again, for as long as that can be hoped for."""
        began, wait_s, refused_since = time.monotonic(), FIRST_WAIT_S, None
        is_silent = False
        while (left_s := began + BACK_WITHIN_S - time.monotonic()) > 0:
            try:
                await self._connect(left_s)
            except ProtocolRefused as error:
                self._note(str(error))
                break
            except AgentUnreachable as error:
                is_silent = isinstance(error.__cause__, TimeoutError)
                refused_since = refused_since or time.monotonic()
                # At a gate, agents come again as they can; here, somebody listens or nobody does.
                if not self.is_certified and time.monotonic() - refused_since > REFUSED_WITHIN_S:
                    break
            else:
                self._note(f"host {self.name} is connected again")
                return
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)
        self._give_up(SILENT if is_silent else self._why_away())

    def _why_away(self) -> str:
        """Say what is known of an agent that is not connected: the gate may have sent it away."""
        if not self.is_certified:
            return DIED
        why_out = self.why_out(self.name)
        return f"{OUT_OF_REACH}: {why_out}" if why_out else OUT_OF_REACH

    def _give_up(self, why: str) -> None:
        connection, self._connection = self._connection, None
        self.is_up = False
        if connection is not None:
            connection.abort()
        for part in self.parts.values():
            part.given_up(why)
        self._there.set()

    async def _keep_leases(self) -> None:
        """Renew what all tasks hold there, at once."""
        while self.is_up:
            if not self.parts:
                self._has_parts.clear()
                await self._has_parts.wait()
            await asyncio.sleep(RENEW_EVERY_S)
            held = {task_id: part for task_id, part in self.parts.items() if part.is_held}
            if not held:
                continue
            renew = Renew(request=0, tasks=tuple(held), lease_ns=LEASE_NS)
            try:
                renewed = await self.ask(renew, Renewed)
            except (AgentUnreachable, PolicyRefused):
                continue  # the next one may be answered; else the link is given up
            for task_id in renewed.gone:
                held[task_id].let_go()

    def _take(self, news: News) -> None:
        """Take what came unasked; what came before changes nothing."""
        if isinstance(news, Health):
            self.health = news
            if news.shipped is not None:  # beyond what has come, nothing will
                self.records_lost += max(news.shipped - self._records, 0)
                self._records = news.shipped
            for task_id, counts in news.colored.items():
                if task_id in self.parts:
                    self.parts[task_id].heard(counts)
            return
        if self.session:
            if news.number <= self.received:
                return
            self.records_lost += max(news.before - self._records, 0)
            self.received, self._records = news.number, news.before + news.records
        match news:
            case Inspections():
                for part in self.parts.values():
                    part.inspections.extend(news.taken)
            case InspectionsKept():
                reading = self._start(self._read(news, tuple(self.parts.values())))
                self._reading.add(reading)
                reading.add_done_callback(self._reading.discard)
            case Records():
                self.on_records(self, news)

    async def _read(self, kept: InspectionsKept, parts: Sequence[Part]) -> None:
        """Get inspections from where the agent has put them, for all tasks at once."""
        try:
            taken = await self.read_inspections(self.number, kept)
        except DyetraceError as error:
            for part in parts:
                part.note(f"what host {self.name} looked like at the moment is not known: {error}")
            return
        for part in parts:
            part.inspections.extend(taken)

    async def _get_to_know(self, at_most_old_ns: int) -> None:
        """Discover the host and relate its clock, unless that was done lately."""
        if self.is_away:
            with suppress(TimeoutError):
                async with asyncio.timeout(AWAY_S):
                    await self._connected()
            if self.is_away:
                raise AgentUnreachable(f"the agent of host {self.name} is away")
        await self._discover(at_most_old_ns)
        await self.relate(holds_s=CLOCK_HOLDS_S)

    async def _discover(self, at_most_old_ns: int) -> None:
        if time.monotonic() - self._discovered_at <= at_most_old_ns / SECOND_NS:
            return
        discover = Discover(request=0, at_most_old_ns=at_most_old_ns, known=self._revision)
        found = await self.ask(discover, Discovered, within_s=WELCOME_WITHIN_S)
        if found.host is not None:  # else all that was made of it holds
            self.host, self._revision = found.host, found.revision
            self.on_host(self.host)
        self.notes, self._discovered_at = found.notes, time.monotonic()

    def _has_got_to_know(self, task: "asyncio.Task[None]") -> None:
        self._getting_to_know = None
        if not task.cancelled():
            task.exception()  # whoever waits gets it

    def _checked(self, found: Answer, kind: type[A]) -> A:
        if isinstance(found, Refused):
            raise PolicyRefused(f"host {self.name}: {found.text}")
        if not isinstance(found, kind):
            raise PolicyRefused(f"host {self.name} answered with {type(found).__name__}")
        return found

    def _note(self, text: str) -> None:
        for part in self.parts.values():
            part.note(text)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        return task
