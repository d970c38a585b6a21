"""Writes what becomes of tasks into the store: in order, beside all else, through its absences.

A thread of its own does that, for a database may be stopped in the middle of a word.
"""

import asyncio
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from dyetrace.controller.store import TaskStore
from dyetrace.errors import DyetraceError, StoreUnavailable, TaskEnded
from dyetrace.model.task import TaskState

PATIENCE_S = 60.0  # with a store that cannot be had
LOOK_EVERY_S = 0.25  # for tasks that somebody asked to stop
LEASES_EVERY_S = 10.0
RETRY_EVERY_S = 0.25
LOST = "its answer is lost: the store could not be written when it came"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One thing to write, and who wants to know how that went."""

    task: str
    write: Callable[[], None]
    told: Callable[[DyetraceError | None], None]
    until: float


class Scribe:
    """One process' hand in the store."""

    def __init__(self, store: TaskStore, *, patience_s: float = PATIENCE_S) -> None:
        """Share a store; nothing is written until something is told."""
        self._store = store
        self._patience_s = patience_s
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._watched: set[str] = set()
        self._cancelled: set[str] = set()
        self._lost: set[str] = set()  # tasks whose answers could not be written
        self._is_closed = threading.Event()
        self._looked_at = self._renewed_at = 0.0
        self._thread: threading.Thread | None = None

    def begin(self, task: str) -> None:
        """A task is carried out here: look whether somebody asks it to stop, and keep its lease."""
        self._watched.add(task)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="dyetrace-scribe", daemon=True)
            self._thread.start()

    def end(self, task: str) -> None:
        """It is not any more."""
        self._watched.discard(task)
        self._cancelled.discard(task)

    def is_cancelled(self, task: str) -> bool:
        """Whether somebody asked it to stop, or has ended it."""
        return task in self._cancelled

    def moved(self, task: str, state: TaskState) -> None:
        """Write down a step, soon."""

        def told(error: DyetraceError | None) -> None:
            if isinstance(error, TaskEnded):
                self._cancelled.add(task)

        self._put(task, lambda: self._store.move(task, state), told)

    async def answered(self, task: str, answer: Mapping[str, Any], *, at: datetime) -> str:
        """Keep an answer; returns why that was not possible, or nothing."""

        def write() -> None:
            is_stopped = self._store.is_cancel_requested(task)
            state = TaskState.CANCELLED if is_stopped else TaskState.DONE
            self._store.finish(task, state, now=at, answer=answer)

        return await self._written(task, write)

    async def ended(self, task: str, state: TaskState, *, error: str) -> str:
        """Keep why there is no answer; returns why that was not possible, or nothing."""
        now = datetime.now(UTC)
        return await self._written(
            task, lambda: self._store.finish(task, state, now=now, error=error)
        )

    def close(self) -> None:
        """Write what is left, if that can be done at once."""
        self._is_closed.set()
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join(timeout=LOOK_EVERY_S * 4)

    async def _written(self, task: str, write: Callable[[], None]) -> str:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[DyetraceError | None] = loop.create_future()

        def tell(error: DyetraceError | None) -> None:
            if not done.done():
                done.set_result(error)

        def told(error: DyetraceError | None) -> None:
            if isinstance(error, StoreUnavailable):
                self._lost.add(task)
            with suppress(RuntimeError):  # the loop has ended: nobody wants to know any more
                loop.call_soon_threadsafe(tell, error)

        self._put(task, write, told)
        try:
            async with asyncio.timeout(self._patience_s + RETRY_EVERY_S):
                error = await done
        except TimeoutError:
            return "the store does not answer"
        return str(error) if error is not None else ""

    def _put(
        self, task: str, write: Callable[[], None], told: Callable[[DyetraceError | None], None]
    ) -> None:
        until = time.monotonic() + self._patience_s
        self._jobs.put(_Job(task=task, write=write, told=told, until=until))

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=LOOK_EVERY_S)
            except Empty:
                job = None
            if job is not None:
                job.told(self._outcome(job))
            elif self._is_closed.is_set() and self._jobs.empty():
                return
            self._look()

    def _outcome(self, job: _Job) -> DyetraceError | None:
        """Write, again and again while the store cannot be had."""
        while True:
            try:
                job.write()
            except StoreUnavailable as error:
                if time.monotonic() > job.until or self._is_closed.wait(RETRY_EVERY_S):
                    return error
            except DyetraceError as error:
                return error
            except Exception as error:  # noqa: BLE001 - a bug must end neither the thread nor other tasks
                traceback.print_exc()
                return DyetraceError(f"bug in the store: {error!r}")
            else:
                return None

    def _look(self) -> None:
        """See who asks to stop, keep leases, and end what could not be ended before."""
        now, watched = time.monotonic(), set(self._watched)
        if now - self._looked_at < LOOK_EVERY_S:
            return
        self._looked_at = now
        with suppress(DyetraceError):
            if watched:
                self._cancelled |= self._store.cancel_requested(watched)
            if now - self._renewed_at > LEASES_EVERY_S:
                self._store.keep_leases(watched)
                self._renewed_at = now
            for task in tuple(self._lost - watched):
                with suppress(TaskEnded):
                    self._store.finish(task, TaskState.FAILED, now=datetime.now(UTC), error=LOST)
                self._lost.discard(task)
