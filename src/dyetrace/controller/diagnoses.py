"""All tasks that this controller carries out: started, watched, stopped, and never left behind."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from dyetrace.controller.diagnosis import TakenUp
from dyetrace.controller.links import Links
from dyetrace.controller.live import Live
from dyetrace.controller.price import Price, price_json, price_of
from dyetrace.controller.scribe import Scribe
from dyetrace.controller.service import NOT_BEGUN, Prepared, carry_out, end_of, prepare
from dyetrace.controller.store import (
    Admission,
    KillSwitch,
    RequestKey,
    RequestKeys,
    StoredTask,
    TakenUpTask,
    TaskPages,
    TaskStore,
)
from dyetrace.errors import DyetraceError, TracingStopped
from dyetrace.inventory.clouds import Cloud
from dyetrace.model.task import Task, TaskState, task_name
from dyetrace.wire.answer import Json
from dyetrace.wire.requests import filter_from_json, limits_from_json

LEAVING = "the controller was stopped"
KILLED = "the kill switch was pulled"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A task that somebody asks for, with what the store keeps of the request."""

    task: Task
    request: Mapping[str, object]


@dataclass(slots=True, kw_only=True)
class Diagnoses:
    """Carries out tasks on one cloud; all of it in one event loop."""

    find_cloud: Callable[[], Cloud]  # may start this host's agent: called in a thread
    store: TaskStore
    admission: Admission = field(default_factory=Admission)
    on_end: Callable[[Task, Json | None], None] = lambda _, __: None
    on_fleet: Callable[[Prepared], None] = lambda _: None
    links: Links = field(default_factory=Links)
    scribe: Scribe = field(init=False)
    is_leaving: bool = False
    _running: dict[str, "asyncio.Task[None]"] = field(default_factory=dict)
    _live: dict[str, Live] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        """Write by one hand; what is left by a dead process of this session is taken up later."""
        self.scribe = Scribe(self.store)
        if self.links.is_resumable:
            self.store.session = self.links.session

    @property
    def pages(self) -> TaskPages:
        """The lists of tasks."""
        return TaskPages(self.store.database)

    @property
    def switch(self) -> KillSwitch:
        """The kill switch."""
        return KillSwitch(self.store.database)

    @property
    def active(self) -> int:
        """How many tasks run here."""
        return len(self._running)

    def live(self, name: str) -> Live | None:
        """Give the progress of a task that runs here."""
        return self._live.get(name)

    async def prices(self, asked: Sequence[Asked]) -> list[Price]:
        """Say what tasks would take, and refuse what would be refused; nothing is started."""
        _, prepared = await self._prepared(asked)
        await _close(prepared)
        await asyncio.to_thread(self._check, prepared)
        return [price_of(one) for one in prepared]

    def _check(self, prepared: Sequence[Prepared]) -> None:
        """Raise what quotas and limits of hosts would refuse."""
        with self.store.database.reading() as connection:
            for number, one in enumerate(prepared, start=1):
                self.admission.check(
                    connection,
                    one.task,
                    hosts=one.coloring_hosts,
                    with_it=[other.task.limits for other in prepared[number:]],
                )

    async def start(
        self, asked: Sequence[Asked], *, by: str, key: RequestKey | None = None
    ) -> tuple[list[str], bool]:
        """Start tasks that belong together: all, or none.

        Gives their ids, and whether they are new: the same key gives the same tasks. Raises
        what planning raises, TracingStopped, QuotaExceeded, HostLimitReached,
        AgentUnreachable, TaskAlreadyActive or RequestKeyReused.
        """
        if key is not None:
            earlier = await asyncio.to_thread(RequestKeys(self.store.database).task_of, key)
            if earlier is not None:
                return [earlier], False
        cloud, prepared = await self._prepared(asked)
        try:
            async with self._one_at_a_time:  # what is being stored is cancelled by a kill, too
                await asyncio.to_thread(self._refuse_where_stopped)
                names = await self._stored(asked, prepared, cloud, by, key)
                is_new = names[0] == task_name(asked[0].task.id)  # else it was sent at once
                for one in prepared if is_new else ():
                    self._begin(one)
                await asyncio.sleep(0)  # a task that has not begun cannot clean up
        except BaseException:
            await _close(prepared)
            raise
        if not is_new:
            await _close(prepared)
        return names, is_new

    async def look_around(self) -> None:
        """Know the hosts that nobody has asked for yet."""
        try:
            await self.links.survey(await asyncio.to_thread(self.find_cloud))
        except DyetraceError as error:
            log.warning("the hosts cannot be looked at: %s", error)

    async def take_up(self) -> int:
        """Go on with the tasks that an earlier process of this controller had begun."""
        begun = await asyncio.to_thread(self.store.take_up)
        for one in begun:  # before anything comes of them
            self.links.records.attend(int(one.stored.id, 16))
        for one in begun:
            live = Live()
            self._watch(one.stored.id, live, self._go_on(one, live))
        await asyncio.sleep(0)  # a task that has not begun cannot clean up
        return len(begun)

    async def kill(self, *, by: str, reason: str) -> int:
        """Cancel all tasks, and refuse new ones until the switch is released; say how many."""
        await asyncio.to_thread(self.switch.pull, by=by, reason=reason)
        async with self._one_at_a_time:  # what is being stored now is cancelled, too
            cancelled = await self._cancel_all(KILLED)
        return cancelled + await asyncio.to_thread(self._cancel_elsewhere, by)

    async def close(self) -> None:
        """Refuse new tasks, cancel all, and wait until nothing of them is left on any host."""
        self.is_leaving = True
        async with self._one_at_a_time:
            await self._cancel_all(LEAVING)
        await self.links.close()
        self.scribe.close()

    async def _prepared(self, asked: Sequence[Asked]) -> tuple[str, list[Prepared]]:
        await asyncio.to_thread(self._refuse_where_stopped)
        cloud = await asyncio.to_thread(self.find_cloud)
        prepared: list[Prepared] = []
        try:
            for one in asked:
                prepared.append(await prepare(one.task, cloud, self.links))  # noqa: PERF401 - kept to be closed
        except BaseException:
            await _close(prepared)
            raise
        self.on_fleet(prepared[0])
        return cloud.name, prepared

    def _refuse_where_stopped(self) -> None:
        if self.is_leaving:
            raise TracingStopped(f"{LEAVING}: ask again once it is back")
        pulled = self.switch.pulled()
        if pulled is not None:
            raise TracingStopped(f"{KILLED}: {pulled.reason or 'no reason given'}")

    async def _stored(
        self,
        asked: Sequence[Asked],
        prepared: Sequence[Prepared],
        cloud: str,
        by: str,
        key: RequestKey | None,
    ) -> list[str]:
        names: list[str] = []
        try:
            for number, (one, ready) in enumerate(zip(asked, prepared, strict=True), start=1):
                name = await asyncio.to_thread(
                    self.store.add,
                    one.task,
                    cloud=cloud,
                    request=dict(one.request) | {"price": price_json(price_of(ready))},
                    by=by,
                    key=None if names else key,
                    admit=partial(
                        self.admission.admit,
                        task=one.task,
                        hosts=ready.coloring_hosts,
                        with_it=[other.task.limits for other in asked[number:]],
                    ),
                )
                names.append(name)
                if name != task_name(one.task.id):
                    return names
        except BaseException:
            for name in names:
                self.store.finish(name, TaskState.CANCELLED, now=datetime.now(UTC), error=NOT_BEGUN)
            raise
        return names

    def _begin(self, prepared: Prepared) -> None:
        live = Live()
        self._watch(task_name(prepared.task.id), live, self._carry_out(prepared, live))

    def _watch(self, name: str, live: Live, work: Coroutine[Any, Any, None]) -> None:
        """Do a task's work, for as long as it takes."""
        self._live[name] = live
        self._running[name] = asyncio.create_task(self._watched(name, live, work), name=name)

    async def _watched(self, name: str, live: Live, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError as error:  # perhaps before its first step
            state, why = end_of(error, live.why_cancelled)
            await asyncio.shield(self.scribe.ended(name, state, error=why))
            raise
        finally:
            self._running.pop(name)
            self._live.pop(name)
            live.wake()

    async def _go_on(self, begun: TakenUpTask, live: Live) -> None:
        """Prepare a task again, and carry it out from where it was."""
        stored = begun.stored
        task = Task(
            id=int(stored.id, 16),
            wanted=filter_from_json(stored.request["filter"]),
            limits=limits_from_json(stored.request),
            opened_at=stored.opened_at,
            tenant=stored.tenant,
        )
        left = task.limits.trace_time - begun.traced_for
        taken_up = TakenUp(state=stored.state, left_s=max(left.total_seconds(), 0.0))
        try:
            cloud = await asyncio.to_thread(self.find_cloud)
            prepared = await prepare(task, cloud, self.links, taken_up=taken_up)
        except asyncio.CancelledError:
            self.links.records.leave(task.id)
            raise
        except DyetraceError as error:
            log.warning("cannot go on: %s", error, extra={"task": stored.id})
            self.links.records.leave(task.id)
            why = f"its controller was started anew, and could not go on: {error}"
            await self.scribe.ended(stored.id, TaskState.FAILED, error=why)
            self.on_end(task, None)
            return
        await self._carry_out(prepared, live)

    async def _carry_out(self, prepared: Prepared, live: Live) -> None:
        """Carry one task out; whatever goes wrong is kept with the task."""
        name, answers = task_name(prepared.task.id), list[Json]()
        try:
            await carry_out(
                prepared,
                scribe=self.scribe,
                on_progress=live.tell,
                on_answer=answers.append,
                on_warning=lambda text: log.warning("%s", text, extra={"task": name}),
                why_cancelled=lambda: live.why_cancelled,
            )
        except DyetraceError as error:
            log.warning("failed: %s", error, extra={"task": name})
        except Exception:
            log.exception("failed", extra={"task": name})
        finally:
            await asyncio.shield(prepared.fleet.close())
            self.on_end(prepared.task, answers[0] if answers else None)

    async def _cancel_all(self, why: str) -> int:
        running = dict(self._running)
        for name, task in running.items():
            self._live[name].why_cancelled = why
            task.cancel()
        await asyncio.gather(*running.values(), return_exceptions=True)
        return len(running)

    def _cancel_elsewhere(self, by: str) -> int:
        """Ask other processes that share the store to stop theirs."""
        self.store.fail_abandoned()
        active: list[StoredTask] = self.pages.read_active()
        for stored in active:
            self.store.request_cancel(stored.id, by=by)
        return len(active)


async def _close(prepared: Sequence[Prepared]) -> None:
    for one in prepared:
        await one.fleet.close()
