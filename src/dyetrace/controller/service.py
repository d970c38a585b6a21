"""One task carried out and kept: what the command line and the API have in common."""

import asyncio
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from dyetrace.controller.diagnosis import Progress, TakenUp, diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.links import Links
from dyetrace.controller.scribe import Scribe
from dyetrace.controller.store import TaskStore
from dyetrace.errors import DyetraceError, StoreUnavailable, TaskEnded
from dyetrace.inventory.clouds import Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.policy import Plan
from dyetrace.model.task import Limits, Task, TaskState, task_name
from dyetrace.model.topology import Topology
from dyetrace.model.verdict import Verdict
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
    taken_up: TakenUp | None = None

    @property
    def conflicts(self) -> tuple[str, ...]:
        """What inventory and agents contradict each other in."""
        return (*map(str, self.fleet.conflicts), *self.fleet.links.known.left_out)

    @property
    def coloring_hosts(self) -> tuple[str, ...]:
        """The hosts that color for it, by name."""
        names = {host.number: host.name for host in self.topology.hosts}
        return tuple(names[number] for number in self.plan.color)


async def prepare(
    task: Task, cloud: Cloud, links: Links | None = None, *, taken_up: TakenUp | None = None
) -> Prepared:
    """Plan, and connect to the agents in reach, so that all that can be refused is refused.

    Raises what planning raises, and AgentUnreachable. Whoever gets it closes its fleet.
    taken_up: how far an earlier process had come with it.
    """
    fleet = Fleet(cloud, task=task, links=links)
    try:
        wanted, topology = await fleet.open(is_taken_up=taken_up is not None)
    except BaseException:
        await fleet.close()
        raise
    return Prepared(task=task, plan=wanted, topology=topology, fleet=fleet, taken_up=taken_up)


async def carry_out(  # noqa: PLR0913 - collaborators, by keyword
    prepared: Prepared,
    *,
    scribe: Scribe,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None],
    on_warning: Callable[[str], None],
    why_cancelled: Callable[[], str] = lambda: STOPPED,
) -> Json:
    """Carry out a task that stands in the store, and keep its answer.

    on_answer gets the answer as soon as it is there, before the hosts let go of the task
    and whether or not the store can be had.
    """
    name = task_name(prepared.task.id)
    keeping: list[asyncio.Task[str]] = []

    def keep(verdict: Verdict) -> None:
        answer = answer_of(verdict)
        writing = scribe.answered(name, answer, at=verdict.finished_at)
        keeping.append(asyncio.create_task(writing))
        on_answer(answer)

    scribe.begin(name)
    try:
        verdict = await diagnose(
            prepared.task,
            fleet=prepared.fleet,
            topology=prepared.topology,
            on_state=lambda state: None if state.is_final else scribe.moved(name, state),
            on_progress=on_progress,
            is_cancelled=lambda: scribe.is_cancelled(name),
            on_verdict=keep,
            wanted=prepared.plan,
            taken_up=prepared.taken_up,
        )
    except BaseException as error:
        if not keeping:
            state, why = end_of(error, why_cancelled())
            keeping.append(asyncio.create_task(scribe.ended(name, state, error=why)))
        raise
    finally:
        for task in keeping:
            if why_not := await asyncio.shield(task):
                on_warning(f"the answer is not kept: {why_not}")
        scribe.end(name)
    return answer_of(verdict)


def end_of(error: BaseException, why_cancelled: str = STOPPED) -> tuple[TaskState, str]:
    """Say in which state an error ends a task, and why."""
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        return TaskState.CANCELLED, why_cancelled
    return TaskState.FAILED, str(error) if isinstance(error, DyetraceError) else repr(error)


def store_end(
    store: TaskStore, name: str, error: BaseException, *, why_cancelled: str = STOPPED
) -> None:
    """Keep why a task has no answer."""
    state, why = end_of(error, why_cancelled)
    with suppress(StoreUnavailable, TaskEnded):  # the first error says more
        store.finish(name, state, now=datetime.now(UTC), error=why)
