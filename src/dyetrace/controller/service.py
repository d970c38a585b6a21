"""One task carried out and kept: what the command line and the API have in common."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from dyetrace.analyzer.embedded import EmbeddedAnalyzer
from dyetrace.controller.diagnosis import Progress, diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.store import TaskStore
from dyetrace.errors import DyetraceError, StoreUnavailable, TaskEnded
from dyetrace.inventory.clouds import Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.policy import Plan
from dyetrace.model.task import Limits, Task, TaskState, task_name
from dyetrace.model.topology import Topology
from dyetrace.model.verdict import Verdict
from dyetrace.transport.in_process import InProcessLog
from dyetrace.transport.log import RecordLog
from dyetrace.wire.answer import Json, answer_of, filter_json

STOPPED = "stopped by its user"
NOT_BEGUN = "not begun: the task that it belongs to was refused"


def new_task(
    wanted: PacketFilter, limits: Limits, task_id: int | None = None, *, tenant: str = ""
) -> Task:
    """Make a task that starts now."""
    return Task(
        id=task_id or secrets.randbits(63) | 1,
        wanted=wanted,
        limits=limits,
        opened_at=datetime.now(UTC),
        tenant=tenant,
    )


def request_json(wanted: PacketFilter, limits: Limits) -> Json:
    """Write down what was asked, as the store keeps it."""
    return {
        "filter": filter_json(wanted),
        "packet_count": limits.packet_count,
        "trace_time_s": limits.trace_time.total_seconds(),
        "packets_per_second": limits.packets_per_second,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A task that nothing refuses, with the hosts it needs connected."""

    task: Task
    plan: Plan
    topology: Topology
    fleet: Fleet
    log: RecordLog

    @property
    def conflicts(self) -> tuple[str, ...]:
        """What inventory and agents contradict each other in."""
        return tuple(map(str, self.fleet.conflicts))

    @property
    def coloring_hosts(self) -> tuple[str, ...]:
        """The hosts that color for it, by name."""
        names = {host.number: host.name for host in self.topology.hosts}
        return tuple(names[number] for number in self.plan.color)


async def prepare(task: Task, cloud: Cloud) -> Prepared:
    """Connect to the cloud's agents and plan, so that all that can be refused is refused.

    Raises what planning raises, and AgentUnreachable. Whoever gets it closes its fleet.
    """
    log = InProcessLog()
    fleet = Fleet(cloud, log=log)
    try:
        topology = await fleet.open()
        wanted = fleet.plan(task, topology)
    except BaseException:
        await fleet.close()
        raise
    return Prepared(task=task, plan=wanted, topology=topology, fleet=fleet, log=log)


async def carry_out(  # noqa: PLR0913 - collaborators, by keyword
    prepared: Prepared,
    *,
    store: TaskStore,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None],
    on_warning: Callable[[str], None],
    why_cancelled: Callable[[], str] = lambda: STOPPED,
) -> Json:
    """Carry out a task that stands in the store, keep its answer, and close its fleet.

    on_answer gets the answer as soon as it is there, before the hosts let go of the task.
    """
    name = task_name(prepared.task.id)

    def keep(verdict: Verdict) -> None:
        answer = answer_of(verdict)
        try:
            state = TaskState.CANCELLED if store.is_cancel_requested(name) else TaskState.DONE
            store.finish(name, state, now=verdict.finished_at, answer=answer)
        except (StoreUnavailable, TaskEnded) as error:
            on_warning(f"the answer is not kept: {error}")
        on_answer(answer)

    try:
        verdict = await diagnose(
            prepared.task,
            fleet=prepared.fleet,
            topology=prepared.topology,
            analyzer=EmbeddedAnalyzer(topology=prepared.topology, log=prepared.log),
            on_state=lambda state: None if state.is_final else store.move(name, state),
            on_progress=on_progress,
            is_cancelled=_Polled(lambda: store.is_cancel_requested(name)),
            on_verdict=keep,
        )
    except BaseException as error:
        store_end(store, name, error, why_cancelled=why_cancelled())
        raise
    return answer_of(verdict)


def store_end(
    store: TaskStore, name: str, error: BaseException, *, why_cancelled: str = STOPPED
) -> None:
    """Keep why a task has no answer."""
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        state, why = TaskState.CANCELLED, why_cancelled
    else:
        state = TaskState.FAILED
        why = str(error) if isinstance(error, DyetraceError) else repr(error)
    with suppress(StoreUnavailable, TaskEnded):  # the first error says more
        store.finish(name, state, now=datetime.now(UTC), error=why)


class _Polled:
    """Asks the store now and then, not on every tick."""

    EVERY = 5

    def __init__(self, ask: Callable[[], bool]) -> None:
        self._ask = ask
        self._calls = 0
        self._is_so = False

    def __call__(self) -> bool:
        self._calls += 1
        if not self._is_so and self._calls % self.EVERY == 0:
            self._is_so = self._ask()
        return self._is_so
