"""One connection to an agent: requests and answers by number, and what comes unasked."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from dyetrace.errors import DyetraceError
from dyetrace.wire import frames
from dyetrace.wire.codec import BadMessage
from dyetrace.wire.messages import Answer, Health, News, Request, Shipped

BUSY_FOR_S = 60.0  # an agent may be, with what others ask


@dataclass(slots=True)
class Connection:
    """Lasts until the agent ends it, or it is aborted; requests then raise ConnectionError."""

    on_news: Callable[[News], None]
    on_lost: Callable[["Connection"], None]
    _writer: asyncio.StreamWriter
    _listening: "asyncio.Task[None] | None" = None
    _is_aborted: bool = False
    _heard_at: float = 0.0
    _waiting: dict[int, "asyncio.Future[Answer]"] = field(default_factory=dict)
    _first_of: dict[int, Callable[[Answer], None]] = field(default_factory=dict)

    @classmethod
    async def to(
        cls,
        socket: Path,
        *,
        on_news: Callable[[News], None],
        on_lost: Callable[["Connection"], None],
    ) -> "Connection":
        """Connect; raises OSError."""
        reader, writer = await asyncio.open_unix_connection(socket)
        made = cls(on_news, on_lost, writer)
        made._listening = asyncio.create_task(made._listen(reader))
        return made

    @property
    def is_lost(self) -> bool:
        """Whether it has ended."""
        return self._is_aborted or self._listening is None or self._listening.done()

    async def ask(
        self,
        request: Request,
        *,
        within_s: float,
        first: Callable[[Answer], None] | None = None,
    ) -> Answer:
        """Send a request that has its number, and wait for its answer.

        Raises TimeoutError when nothing at all comes for so long: who answers others is busy.
        first: is given the answer before anything that comes after it is looked at.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()
        if self.is_lost:
            raise ConnectionResetError("the connection has ended")
        self._waiting[request.request] = answer
        if first is not None:
            self._first_of[request.request] = first
        look = loop.call_later(within_s, self._look, answer, within_s, loop.time() + BUSY_FOR_S)
        try:
            self._writer.write(frames.framed(request))
            return await answer
        finally:
            look.cancel()
            self._waiting.pop(request.request, None)
            self._first_of.pop(request.request, None)

    def _look(self, answer: "asyncio.Future[Answer]", within_s: float, until: float) -> None:
        """Give up waiting where nobody answers anybody; else look again later."""
        if answer.done():
            return
        loop = asyncio.get_running_loop()
        if time.monotonic() - self._heard_at >= within_s or loop.time() > until:
            answer.set_exception(TimeoutError())
        else:
            loop.call_later(within_s, self._look, answer, within_s, until)

    def say(self, request: Request) -> None:
        """Send what is not answered; it is lost with the connection."""
        if not self.is_lost:
            self._writer.write(frames.framed(request))

    def abort(self) -> None:
        """End it now; whoever waits is told a moment later."""
        self._is_aborted = True
        self._writer.transport.abort()

    async def close(self) -> None:
        """End it, without word to on_lost."""
        if self._listening is not None:
            self._listening.cancel()
            with suppress(asyncio.CancelledError):
                await self._listening
        self._writer.close()

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        with suppress(BadMessage):
            while (message := await frames.receive(reader)) is not None:
                self._heard_at = time.monotonic()
                if isinstance(message, Shipped | Health):
                    self.on_news(message)
                elif (waiting := self._waiting.get(message.request)) and not waiting.done():
                    # A request is no answer: whoever asked looks at its kind.
                    self._answered(waiting, cast("Answer", message))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ConnectionResetError("the connection has ended"))
        self._writer.close()
        self.on_lost(self)

    def _answered(self, waiting: "asyncio.Future[Answer]", answer: Answer) -> None:
        try:
            if answer.request in self._first_of:
                self._first_of[answer.request](answer)
        except DyetraceError as error:
            waiting.set_exception(error)
        else:
            waiting.set_result(answer)
