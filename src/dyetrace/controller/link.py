"""The controller's end of a connection to one agent."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TypeVar

from dyetrace.errors import AgentUnreachable, PolicyRefused
from dyetrace.model.inspection import Inspection
from dyetrace.model.topology import Host
from dyetrace.wire import frames
from dyetrace.wire.codec import BadMessage
from dyetrace.wire.messages import (
    Answer,
    Health,
    Hello,
    Inspections,
    Ping,
    Pong,
    Records,
    Refused,
    Request,
    Welcome,
)

A = TypeVar("A", bound=Answer)

ANSWER_WITHIN_S = 5.0
WELCOME_WITHIN_S = 20.0  # it may be attaching for other tasks
EACH_PORT_WITHIN_S = 0.1  # attaching takes some 10 ms, and hosts of one kernel wait for each other
PINGS = 15  # the quickest of them relates the clocks best


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What to subtract from a host's clock to get ours, and how wrong that may be; in ns."""

    offset_ns: int
    uncertainty_ns: int


@dataclass(slots=True)
class AgentLink:
    """One agent, as long as the connection lasts.

    is_up turns False for good when the agent dies, is cut off or stops
    answering; requests then raise AgentUnreachable.
    """

    name: str
    socket: Path
    on_records: Callable[["AgentLink", Records], None]
    host: Host = field(default_factory=lambda: Host(number=0, name=""))
    clock: Clock | None = None
    health: Health = field(default_factory=Health)
    health_at_start: Health = field(default_factory=Health)
    inspections: list[Inspection] = field(default_factory=list)
    notes: tuple[str, ...] = ()
    is_up: bool = False
    is_certified: bool = False  # its name is proven; it may not call itself otherwise
    _writer: asyncio.StreamWriter | None = None
    _listening: "asyncio.Task[None] | None" = None
    _waiting: dict[int, "asyncio.Future[Answer]"] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    async def open(self) -> None:
        """Connect, learn what the host is, and relate its clock to ours."""
        try:
            reader, self._writer = await asyncio.open_unix_connection(self.socket)
        except OSError as error:
            raise AgentUnreachable(
                f"no agent of host {self.name} at {self.socket}: {error.strerror or error}"
            ) from error
        self.is_up = True
        self._listening = asyncio.create_task(self._listen(reader))
        welcome = await self.ask(Hello(request=0), Welcome, within_s=WELCOME_WITHIN_S)
        if self.is_certified and welcome.host.name != self.name:
            self._lost()
            raise AgentUnreachable(
                f"the agent of host {self.name} calls itself {welcome.host.name!r}: start it with "
                f"--host {self.name}, as its certificate says"
            )
        self.host, self.notes = welcome.host, welcome.notes
        self.clock = await self._related_clock()

    async def ask(
        self, request: Request, kind: type[A], *, within_s: float = 0.0, ports: int = 0
    ) -> A:
        """Ask and wait, longer where that is said or ports are to be attached or let go.

        Raises AgentUnreachable, or PolicyRefused with the agent's reason.
        """
        number = next(self._numbers)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if not self.is_up or self._writer is None:
                raise AgentUnreachable(f"the agent of host {self.name} is gone")
            async with asyncio.timeout((within_s or ANSWER_WITHIN_S) + ports * EACH_PORT_WITHIN_S):
                await frames.send(self._writer, replace(request, request=number))
                found = await answer
        except (TimeoutError, ConnectionError) as error:
            self._lost()
            raise AgentUnreachable(f"the agent of host {self.name} does not answer") from error
        finally:
            self._waiting.pop(number, None)
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # looked at, or asyncio complains where users see it
        if isinstance(found, Refused):
            raise PolicyRefused(f"host {self.name}: {found.text}")
        if not isinstance(found, kind):
            raise PolicyRefused(f"host {self.name} answered with {type(found).__name__}")
        return found

    async def close(self) -> None:
        """Disconnect; the agent lets go of all that this controller had asked for."""
        self.is_up = False
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        if self._writer is not None:
            self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(BadMessage):
            while (message := await frames.receive(reader)) is not None:
                if isinstance(message, Records):
                    self.on_records(self, message)
                elif isinstance(message, Inspections):
                    self.inspections.extend(message.taken)
                elif isinstance(message, Health):
                    self.health = message
                elif (waiting := self._waiting.get(message.request)) and not waiting.done():
                    waiting.set_result(message)  # type: ignore[arg-type] # a request is no answer: refused by ask
        self._lost()

    def _lost(self) -> None:
        self.is_up = False
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(AgentUnreachable(f"the agent of host {self.name} is gone"))

    async def _related_clock(self) -> Clock:
        """Bound the offset between two monotonic clocks by the time a ping takes (RFC 5905)."""
        best: Clock | None = None
        for _ in range(PINGS):
            before = time.monotonic_ns()
            pong = await self.ask(Ping(request=0), Pong)
            after = time.monotonic_ns()
            clock = Clock(
                offset_ns=pong.clock_ns - (before + after) // 2,
                uncertainty_ns=(after - before) // 2,
            )
            if best is None or clock.uncertainty_ns < best.uncertainty_ns:
                best = clock
        if best is None:  # PINGS is positive
            raise AgentUnreachable(f"the agent of host {self.name} tells no time")
        return best
