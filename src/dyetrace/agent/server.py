"""The agent's process: serves controllers on a Unix socket, ships what the driver reads."""

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from dyetrace import __version__
from dyetrace.agent.clock import ToldClock
from dyetrace.agent.dialer import Dialer
from dyetrace.agent.examine import Examination, not_examined
from dyetrace.agent.inspector import Inspector
from dyetrace.agent.metrics import MetricsAddress, serving
from dyetrace.agent.tasks import HeldTasks, SessionId
from dyetrace.datapath.driver import Batch, DatapathDriver, Spot
from dyetrace.errors import DyetraceError
from dyetrace.model.task import task_name
from dyetrace.wire import blobs, frames
from dyetrace.wire.codec import BadMessage
from dyetrace.wire.messages import (
    PROTOCOL_VERSION,
    Answer,
    Color,
    CountUncolored,
    Done,
    Examine,
    Examined,
    Flush,
    Health,
    Hello,
    Inspect,
    Inspected,
    Inspections,
    Log,
    News,
    Ping,
    Pong,
    Records,
    Refused,
    Remove,
    Renew,
    Request,
    Settle,
    StopColor,
    UncoloredCounted,
    Vitals,
    WatchRules,
    WatchUncolored,
    Welcome,
)

TICK_S = 0.05  # how often health is told and leases are checked while a task is active
IDLE_TICK_S = 1.0
SECOND_NS = 1_000_000_000
GATHER_S = 0.005  # after the first record, for those that follow it
MOST_UNREAD = 16 * 1024 * 1024  # bytes that may wait for one controller

log = logging.getLogger(__name__)


@dataclass(slots=True)
class AgentServer:
    """Serves any number of controllers until it is stopped, or idle for idle_exit_s."""

    driver: DatapathDriver
    socket: Path
    idle_exit_s: float | None = None
    clock: ToldClock = field(default_factory=ToldClock)
    examine: Callable[[], Awaitable[Examination]] = not_examined
    _held: HeldTasks = field(init=False)
    _inspector: Inspector = field(init=False)
    _writers: dict[SessionId, asyncio.StreamWriter] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _busy: asyncio.Event = field(default_factory=asyncio.Event)
    _started: float = field(default_factory=time.monotonic)
    _idle_since: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Share the driver between all tasks."""
        self._held = HeldTasks(self.driver)
        self._inspector = Inspector(self.driver, on_taken=self._busy.set)

    async def serve(self) -> None:
        """Serve until cancelled or idle; removes the socket and everything attached."""
        loop = asyncio.get_running_loop()
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileNotFoundError):
            self.socket.unlink()
        server = await asyncio.start_unix_server(self._session, self.socket)
        inode = self.socket.stat().st_ino
        self.socket.chmod(0o600)
        loop.add_reader(self.driver.fileno(), self._busy.set)
        try:
            await self._ship_until_idle()
        finally:
            loop.remove_reader(self.driver.fileno())
            server.close()
            for writer in self._writers.values():
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
            for session in self._held.remove_expired(time.monotonic_ns()):
                self._cut_off(session, most_unread=0)
            if not self._held.tasks:
                self._inspector.end()
            if woken or self._held.tasks:
                self._tell_all(self._news())

    def _is_idle(self) -> bool:
        if self.idle_exit_s is None or self._writers:
            return False
        return time.monotonic() - self._idle_since >= self.idle_exit_s

    def _news(self) -> list[News]:
        """Read what there is, and say how it goes."""
        batch = self._held.read()  # also of no task: an unread ring would wake us for ever
        if not self._held.tasks:
            return []
        self._inspector.notice(batch)
        taken = self.clock.inspections(self._inspector.taken())
        inspections = [Inspections(taken=taken)] if taken else []
        return [*_shipped(self.clock.batch(batch)), *inspections, self._health()]

    def _health(self) -> Health:
        losses = self.driver.losses()
        return Health(
            colored=self._held.counts(),
            recorded=losses.recorded,
            lost_in_ring=losses.lost_in_ring,
            unreadable=losses.unreadable,
            inspections_left_out=self._inspector.left_out,
        )

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
        )

    async def _examined(self, request: Examine) -> Examined:
        found = await self.examine() if request.checks else Examination()
        return Examined(
            request=request.request,
            version=__version__,
            vitals=self.vitals(),
            checks=found.checks,
            certificate_ends_s=found.certificate_ends_s,
        )

    def _tell_all(self, news: list[News]) -> None:
        """Tell those who trace, and wait for none of them."""
        data = b"".join(map(frames.framed, news))
        for session in self._held.sessions() if data else ():
            self._cut_off(session, most_unread=MOST_UNREAD)
            writer = self._writers.get(session)
            if writer is not None and not writer.is_closing():
                writer.write(data)

    def _cut_off(self, session: SessionId, *, most_unread: int) -> None:
        """Disconnect a controller that does not read: it must cost us neither memory nor time."""
        writer = self._writers.get(session)
        if writer is not None and writer.transport.get_write_buffer_size() > most_unread:
            log.warning("controller %s does not read: cut off", session)
            writer.transport.abort()

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one controller until it goes; what it had asked for goes with it."""
        number = next(self._numbers)
        self._writers[number] = writer
        try:
            while (request := await frames.receive(reader)) is not None:
                await frames.send(writer, await self._answer(request, number))  # type: ignore[arg-type] # an agent's own messages are refused
        except BadMessage as error:
            log.warning("a controller spoke another protocol: %s", error)
        except ConnectionError:
            pass  # it is gone: what it had asked for goes with it
        finally:
            self._writers.pop(number, None)
            self._idle_since = time.monotonic()
            self._held.remove_session(number)
            writer.close()

    async def _answer(self, request: Request, session: SessionId) -> Answer:
        try:
            if isinstance(request, Flush | Settle):
                self._tell_all(self._news())
                if isinstance(request, Settle):
                    await self._inspector.settled(within_s=request.within_ns / SECOND_NS)
                    self._tell_all(self._news())
                return Done(request=request.request)
            if isinstance(request, Examine):
                return await self._examined(request)
            return self._handled(request, session)
        except DyetraceError as error:
            return Refused(request=request.request, text=str(error))
        except Exception as error:
            log.exception("a request failed", extra=_task_of(request))
            return Refused(request=request.request, text=f"bug in the agent: {error!r}")

    def _handled(self, request: Request, session: SessionId) -> Answer:
        now_ns = time.monotonic_ns()
        match request:
            case Hello():
                return self._welcome(request)
            case Ping():
                return Pong(request=request.request, clock_ns=self.clock.now_ns())
            case Log():
                probes, notes = self._held.log(
                    request.task_id,
                    request.policy,
                    session=session,
                    lease_until_ns=now_ns + request.lease_ns,
                )
                if request.policy.inspects:
                    self._inspector.begin(request.policy.receivers)
                self._busy.set()
                return Done(request=request.request, probes=probes, notes=notes)
            case Color():
                probes = self._held.color(request.policy, lease_ns=request.lease_ns)
                return Done(request=request.request, probes=probes)
            case Renew():
                self._held.renew(request.task_id, lease_ns=request.lease_ns, now_ns=now_ns)
            case StopColor():
                self._held.stop_color(request.task_id)
            case Remove():
                self._held.remove(request.task_id)
            case _:
                return self._looked(request)
        return Done(request=request.request)

    def _looked(self, request: Request) -> Answer:
        """Answer those who want to know what a place is like."""
        match request:
            case WatchRules():
                self.driver.watch_rules(request.netns)
            case WatchUncolored():
                self.driver.watch_uncolored(request.netns, request.five_tuple)
            case CountUncolored():
                return self._counted(request)
            case Inspect():
                return self._inspected(request)
            case _:
                return Refused(request=0, text=f"{type(request).__name__} is not a request")
        return Done(request=request.request)

    def _welcome(self, request: Hello) -> Answer:
        if request.protocol != PROTOCOL_VERSION:
            return Refused(
                request=request.request,
                text=f"this agent speaks protocol {PROTOCOL_VERSION}, not {request.protocol}: "
                "run the same version of dyetrace on both sides",
            )
        host, notes = self.driver.discover()
        return Welcome(
            request=request.request,
            protocol=PROTOCOL_VERSION,
            version=__version__,
            host=host,
            colors=self.driver.colors.pairs,
            notes=notes,
        )

    def _counted(self, request: CountUncolored) -> UncoloredCounted:
        counted = self.driver.uncolored(
            request.netns, request.five_tuple, family=request.family, table=request.table
        )
        return UncoloredCounted(request=request.request, counted=counted)

    def _inspected(self, request: Inspect) -> Inspected:
        spot = Spot(
            netns=request.netns,
            ifindex=request.ifindex,
            in_ifindex=request.in_ifindex,
            out_ifindex=request.out_ifindex,
            five_tuple=request.five_tuple,
            outer=request.outer,
        )
        return Inspected(request=request.request, site=self.driver.inspection_at(spot)())


def _shipped(batch: Batch) -> list[Records]:
    """Cut a batch into messages."""
    return [
        Records(
            blob=blobs.pack(batch.records[first : first + blobs.RECORDS_PER_BLOB]),
            drop_names=dict(batch.drop_names) if first == 0 else {},
            symbols=dict(batch.symbols) if first == 0 else {},
        )
        for first in range(0, len(batch.records), blobs.RECORDS_PER_BLOB)
    ]


def _task_of(request: Request) -> dict[str, str]:
    """Say for the log which task a request is of, if it is of one."""
    policy = getattr(request, "policy", None)
    task_id = getattr(request, "task_id", None) or getattr(policy, "task_id", None)
    return {"task": task_name(task_id)} if task_id else {}


def run(
    server: AgentServer, dialer: Dialer | None = None, metrics: MetricsAddress | None = None
) -> None:
    """Run an agent until SIGTERM, Ctrl-C or idleness."""

    async def main() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr] # in a task
        dialing = asyncio.create_task(dialer.run()) if dialer is not None else None
        with suppress(asyncio.CancelledError):
            async with AsyncExitStack() as stack:
                if metrics is not None:
                    port = await stack.enter_async_context(serving(metrics, server.vitals))
                    log.info("figures at %s", metrics.url(port))
                await server.serve()
        if dialing is not None:
            dialing.cancel()
            await asyncio.gather(dialing, return_exceptions=True)

    os.umask(0o077)
    asyncio.run(main())
