"""The agent's process: serves controllers on a Unix socket, ships what the driver reads."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyetrace import __version__
from dyetrace.agent.answers import Answers
from dyetrace.agent.clock import ToldClock
from dyetrace.agent.examine import Examination, not_examined
from dyetrace.agent.inspector import Inspector
from dyetrace.agent.session import Connection, Session
from dyetrace.agent.sessions import Sessions
from dyetrace.agent.spool import Spools
from dyetrace.agent.tasks import HeldTasks
from dyetrace.datapath.driver import Batch, DatapathDriver, Losses
from dyetrace.errors import DyetraceError, InvalidRequest
from dyetrace.model.policy import ColorCounts
from dyetrace.model.task import TaskId, task_name
from dyetrace.wire import blobs, frames
from dyetrace.wire.codec import BadMessage
from dyetrace.wire.messages import (
    LOWEST_PROTOCOL,
    PROTOCOL_VERSION,
    Acknowledge,
    Answer,
    Bye,
    Done,
    Examine,
    Examined,
    Flush,
    Health,
    Hello,
    Inspections,
    Log,
    Records,
    Refused,
    Request,
    Settle,
    Vitals,
    Welcome,
    Written,
)
from dyetrace.wire.readiness import tell_ready

if TYPE_CHECKING:  # what it needs is loaded where there is a log
    from dyetrace.agent.log_writer import LogWriter

TICK_S = 0.05  # how often health is told and leases are checked while a task is active
IDLE_TICK_S = 1.0
SECOND_NS = 1_000_000_000
GATHER_S = 0.005  # after the first record, for those that follow it

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Visit:
    """One connection, in its session."""

    writer: asyncio.StreamWriter
    session: Session
    connection: Connection
    says_bye: bool = False
    working: "set[asyncio.Task[None]]" = field(default_factory=set)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside what is asked next; it ends with the connection."""
        task = asyncio.create_task(work)
        self.working.add(task)
        task.add_done_callback(self.working.discard)


@dataclass(slots=True)
class AgentServer:
    """Serves any number of controllers until it is stopped, or idle for idle_exit_s."""

    driver: DatapathDriver
    socket: Path
    idle_exit_s: float | None = None
    clock: ToldClock = field(default_factory=ToldClock)
    examine: Callable[[], Awaitable[Examination]] = not_examined
    spools: Spools | None = None
    log: "LogWriter | None" = None
    process: str = field(default_factory=lambda: secrets.token_hex(8))
    _held: HeldTasks = field(init=False)
    _inspector: Inspector = field(init=False)
    _answers: Answers = field(init=False)
    _sessions: Sessions = field(init=False)
    _visits: "dict[asyncio.StreamWriter, _Visit]" = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _busy: asyncio.Event = field(default_factory=asyncio.Event)
    _started: float = field(default_factory=time.monotonic)
    _idle_since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Share the driver between all tasks."""
        self._held = HeldTasks(self.driver)
        self._inspector = Inspector(self.driver, on_taken=self._busy.set)
        self._answers = Answers(
            driver=self.driver, held=self._held, inspector=self._inspector, clock=self.clock
        )
        self._sessions = Sessions(held=self._held, spools=self.spools)

    async def serve(self) -> None:
        """Serve until cancelled or idle; removes the socket and everything attached."""
        loop = asyncio.get_running_loop()
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):
            self.socket.unlink()
        server = await asyncio.start_unix_server(self._serve, self.socket)
        inode = self.socket.stat().st_ino
        self.socket.chmod(0o600)
        tell_ready()
        loop.add_reader(self.driver.fileno(), self._busy.set)
        writing = asyncio.create_task(self.log.run()) if self.log is not None else None
        try:
            await self._ship_until_idle()
        finally:
            if writing is not None:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
            loop.remove_reader(self.driver.fileno())
            server.close()
            self._sessions.put_away()
            if self.log is not None:
                self.log.put_away()
            for writer in self._visits:
                writer.close()
            self._held.tasks.clear()  # nothing is left for the sessions to remove
            self._inspector.end()
            self.driver.close()
            with suppress(FileNotFoundError):
                if self.socket.stat().st_ino == inode:
                    self.socket.unlink()

    async def _ship_until_idle(self) -> None:
        while not self._is_idle():
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S if self._held.tasks else IDLE_TICK_S):
                    await self._busy.wait()
                    await asyncio.sleep(GATHER_S)
            woken = self._busy.is_set()
            self._busy.clear()
            if woken or self._held.tasks:
                self._ship()
                self._tell_health()
            for session in self._held.remove_expired(time.monotonic_ns()):
                self._sessions.cut_off_deaf(session)
            self._sessions.forget_long_gone()
            if not self._held.tasks:
                self._inspector.end()

    def _is_idle(self) -> bool:
        if self.idle_exit_s is None or self._visits or self._held.tasks:
            return False
        return time.monotonic() - self._idle_since >= self.idle_exit_s

    def _ship(self) -> None:
        """Read what there is, and put it on its way to those who trace."""
        batch = self._held.read()  # also of no task: an unread ring would wake us for ever
        if not self._held.tasks:
            return
        self._inspector.notice(batch)
        taken = self.clock.inspections(self._inspector.taken())
        told = self.clock.batch(batch)
        tracing = self._sessions.tracing()
        readers = [session for session in tracing if session.reads_log]
        if self.log is not None and readers:
            self.log.ship(told)
            kept = [self.log.ship_inspections(taken)] if taken else []
            for session, document in product(readers, kept):
                session.ship(document)
        shipped = [] if all(session.reads_log for session in tracing) else _shipped(told)
        for session in tracing:
            for each in [] if session.reads_log else shipped:
                session.ship(each)
            if taken and not session.reads_log:
                session.ship(Inspections(taken=taken))

    def _tell_health(self) -> None:
        losses, counts = self.driver.losses(), self._held.counts()
        for session in self._sessions.tracing():
            if session.connection is not None:
                session.connection.tell(self._health(losses, counts.get(session.id, {})))

    def _health(self, losses: Losses, colored: dict[TaskId, ColorCounts]) -> Health:
        return Health(
            colored=colored,
            recorded=losses.recorded,
            lost_in_ring=losses.lost_in_ring,
            unreadable=losses.unreadable,
            inspections_left_out=self._inspector.left_out,
            spool_bytes=self._sessions.spool_bytes,
            not_kept=self._not_kept(),
        )

    def _not_kept(self) -> int:
        in_memory = self.log.outbox.dropped if self.log is not None else 0
        return in_memory + self._sessions.dropped

    def vitals(self) -> Vitals:
        """Say how it does."""
        losses = self.driver.losses()
        return Vitals(
            up_s=time.monotonic() - self._started,
            tasks=len(self._held.tasks),
            programs=self.driver.programs(),
            recorded=losses.recorded,
            lost_in_ring=losses.lost_in_ring,
            unreadable=losses.unreadable,
            inspections_left_out=self._inspector.left_out,
            spool_bytes=self._sessions.spool_bytes,
            not_kept=self._not_kept(),
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one controller until it goes; its session goes by rules of its own."""
        visit = self._enter(writer, self._sessions.unnamed(next(self._numbers)))
        try:
            while (request := await frames.receive(reader)) is not None:
                visit = await self._take(request, visit)  # type: ignore[arg-type] # an agent's own messages are refused
        except BadMessage as error:
            log.warning("a controller spoke another protocol: %s", error)
        except ConnectionError:
            pass  # it is gone
        finally:
            self._leave(visit)
            writer.close()

    def _enter(self, writer: asyncio.StreamWriter, session: Session, sent: int = 0) -> _Visit:
        connection = Connection(writer, session.outbox, sent, not session.is_resumable)
        visit = _Visit(writer, session, connection)
        session.connect(visit.connection)
        visit.start(visit.connection.run())
        self._visits[writer] = visit
        return visit

    def _leave(self, visit: _Visit) -> None:
        for task in tuple(visit.working):
            task.cancel()
        self._visits.pop(visit.writer, None)
        self._idle_since = time.monotonic()
        self._sessions.leave(visit.session, visit.connection, is_over=visit.says_bye)

    async def _take(self, request: Request, visit: _Visit) -> _Visit:
        """Do what one message asks; gives the visit, which is another one after a hello."""
        if visit.session.connection is not visit.connection:
            raise ConnectionResetError("a newer connection of this session has come")
        match request:
            case Hello():
                return await self._greeted(request, visit)
            case Acknowledge():
                visit.session.outbox.acknowledge(request.number)
            case Flush():
                visit.start(self._flush(request, visit))
            case Settle():
                visit.start(self._settle(request, visit))
            case Examine():
                visit.start(self._examined(request, visit))
            case _:
                visit.says_bye = visit.says_bye or isinstance(request, Bye)
                await visit.connection.answer(self._answer(request, visit))
        return visit

    async def _greeted(self, hello: Hello, visit: _Visit) -> _Visit:
        protocol = min(hello.protocol, PROTOCOL_VERSION)
        if protocol < max(hello.lowest, LOWEST_PROTOCOL):
            await visit.connection.answer(_no_common_protocol(hello))
            return visit
        try:
            self._refuse_unless_logged(hello)
            if hello.session:
                session = self._sessions.named(hello)
                self._leave(visit)
                visit = self._enter(visit.writer, session, hello.received)
            answer = self._welcome(hello, protocol, visit.session)
        except DyetraceError as error:
            answer = Refused(request=hello.request, text=str(error))
        await visit.connection.answer(answer)
        return visit

    def _refuse_unless_logged(self, hello: Hello) -> None:
        if hello.log_partitions and self.log is None:
            raise InvalidRequest(
                "its agent writes into no record log, and its controller reads one: start it "
                "with --log"
            )
        if hello.log_partitions and self.log is not None:
            self.log.refuse_unless_read(hello.log_partitions)

    def _welcome(self, hello: Hello, protocol: int, session: Session) -> Answer:
        host, _ = self._answers.host()
        return Welcome(
            request=hello.request,
            protocol=protocol,
            version=__version__,
            process=self.process,
            host=host.name,
            number=host.number,
            colors=self.driver.colors.pairs,
            held=self._held.of_session(session.id),
            records_acknowledged=session.outbox.records_acknowledged,
        )

    async def _flush(self, request: Flush, visit: _Visit) -> None:
        self._ship()
        await visit.connection.all_sent()
        counts = self._held.counts().get(visit.session.id, {})
        health = self._health(self.driver.losses(), counts)
        if visit.connection.has_sent_all:  # there may be more already
            health = replace(health, shipped=visit.session.outbox.records)
        written = await self._written(visit.session)
        visit.connection.tell(health, at_once=True)
        await visit.connection.answer(Done(request=request.request, written=written))

    async def _settle(self, request: Settle, visit: _Visit) -> None:
        self._ship()
        await self._inspector.settled(within_s=request.within_ns / SECOND_NS)
        self._ship()
        await self._written(visit.session)
        await visit.connection.all_sent()
        await visit.connection.answer(Done(request=request.request))

    async def _written(self, session: Session) -> Written | None:
        """Wait until the log has all there is, for who reads it."""
        return await self.log.written() if self.log is not None and session.reads_log else None

    async def _examined(self, request: Examine, visit: _Visit) -> None:
        try:
            found = await self.examine() if request.checks else Examination()
        except DyetraceError as error:
            await visit.connection.answer(Refused(request=request.request, text=str(error)))
            return
        await visit.connection.answer(
            Examined(
                request=request.request,
                version=__version__,
                vitals=self.vitals(),
                checks=found.checks,
                certificate_ends_s=found.certificate_ends_s,
            )
        )

    def _answer(self, request: Request, visit: _Visit) -> Answer:
        try:
            if isinstance(request, Bye):
                return Done(request=request.request)
            if isinstance(request, Log):
                self._busy.set()  # what there is now is read before leases are looked at
            return self._answers.to(request, visit.session.id)
        except DyetraceError as error:
            return Refused(request=request.request, text=str(error))
        except Exception as error:
            log.exception("a request failed", extra=_task_of(request))
            return Refused(request=request.request, text=f"bug in the agent: {error!r}")


def _no_common_protocol(hello: Hello) -> Refused:
    is_old = hello.protocol < LOWEST_PROTOCOL
    where = "the controller's machine" if is_old else "the agent's host"
    return Refused(
        request=hello.request,
        text=f"its agent (dyetrace {__version__}) speaks protocol {PROTOCOL_VERSION}, the "
        f"controller {hello.protocol}: upgrade dyetrace on {where}",
    )


def _shipped(batch: Batch) -> list[Records]:
    """Cut a batch into messages."""
    cut = []
    for first in range(0, len(batch.records), blobs.RECORDS_PER_BLOB):
        records = batch.records[first : first + blobs.RECORDS_PER_BLOB]
        cut.append(
            Records(
                records=len(records),
                blob=blobs.pack(records),
                drop_names=dict(batch.drop_names) if first == 0 else {},
                symbols=dict(batch.symbols) if first == 0 else {},
            )
        )
    return cut


def _task_of(request: Request) -> dict[str, str]:
    """Say for the log which task a request is of, if it is of one."""
    policy = getattr(request, "policy", None)
    task_id = getattr(request, "task_id", None) or getattr(policy, "task_id", None)
    return {"task": task_name(task_id)} if task_id else {}
