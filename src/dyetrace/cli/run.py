"""Carries a task out from the command line: controller and analyzer in this process."""

import asyncio
import os
import secrets
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from dyetrace.analyzer.embedded import EmbeddedAnalyzer
from dyetrace.cli.host_agent import host_cloud
from dyetrace.controller.diagnosis import Progress, diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.store import TaskStore
from dyetrace.errors import DyetraceError, NotPermitted, StoreUnavailable, TaskEnded
from dyetrace.inventory.clouds import Cloud, load_cloud, registered_clouds
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, Task, TaskState, task_name
from dyetrace.model.verdict import Verdict
from dyetrace.transport.in_process import InProcessLog
from dyetrace.wire.answer import Json, answer_of, filter_json

THIS_HOST = "host"


def choose_cloud(name: str | None, inventory: Path | None = None) -> Cloud:
    """Take the named cloud; else the only one that is up; else this host.

    Starts this host's agent when the host is chosen and none runs.
    """
    if os.geteuid() != 0:
        raise NotPermitted("tracing attaches programs to network interfaces: run as root (sudo)")
    if name is None:
        up = registered_clouds()
        if len(up) == 1:
            name = up[0]
            typer.echo(f"in cloud {name} (--cloud host for this host itself)", err=True)
        elif up:
            typer.echo(f"on this host itself (or --cloud {' or '.join(up)})", err=True)
    written = None
    if inventory is not None:
        from dyetrace.inventory.file import load_inventory  # and with it YAML's reader

        written = load_inventory(inventory)
    chosen = host_cloud() if name in {None, THIS_HOST} else load_cloud(str(name))
    return replace(chosen, inventory=written) if written else chosen


def new_task(wanted: PacketFilter, limits: Limits, task_id: int | None = None) -> Task:
    """Make a task that starts now."""
    return Task(
        id=task_id or secrets.randbits(63) | 1,
        wanted=wanted,
        limits=limits,
        opened_at=datetime.now(UTC),
    )


def request_json(wanted: PacketFilter, limits: Limits) -> Json:
    """Write down what was asked, as the store keeps it."""
    return {
        "filter": filter_json(wanted),
        "packet_count": limits.packet_count,
        "trace_time_s": limits.trace_time.total_seconds(),
        "packets_per_second": limits.packets_per_second,
    }


def run_task(
    wanted: PacketFilter,
    limits: Limits,
    *,
    cloud: Cloud,
    store: TaskStore,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None] = lambda _: None,
    stored: Task | None = None,
) -> Json:
    """Carry a task out and store its answer; Ctrl-C cancels it and cleans up everywhere.

    on_answer gets the answer as soon as it is there, before the hosts let go of the
    task; stored: the task, if it stands in the store already.
    """
    task = stored or new_task(wanted, limits)
    signals: list[int] = []
    try:
        work = _run(task, stored is None, cloud, store, on_progress, on_answer)
        return asyncio.run(_until_signalled(work, signals))
    except (KeyboardInterrupt, asyncio.CancelledError) as end:
        hosts = ", ".join(agent.host for agent in cloud.agents)
        said = f"stopped task {task_name(task.id)}: nothing of it is left on {hosts}"
        typer.echo(f"\n{said}", err=True)
        if signals:
            raise SystemExit(128 + signals[0]) from end
        raise


async def _until_signalled(work: Coroutine[Any, Any, Json], signals: list[int]) -> Json:
    """Let SIGTERM, and a terminal that closes, cancel the work as Ctrl-C does."""
    task = asyncio.current_task()

    def end(number: int) -> None:
        signals.append(number)
        if task is not None:
            task.cancel()

    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, end, number)
    return await work


async def _run(
    task: Task,
    is_new: bool,
    cloud: Cloud,
    store: TaskStore,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None],
) -> Json:
    log = InProcessLog()
    fleet = Fleet(cloud, log=log)
    name = task_name(task.id)
    is_stored = not is_new
    try:
        topology = await fleet.open()
        fleet.plan(task, topology)  # refuses what can be refused before anything is stored
        for conflict in fleet.conflicts:
            on_progress(_noted(task, str(conflict)))
        if is_new:
            store.add(task, cloud=cloud.name, request=request_json(task.wanted, task.limits))
            is_stored = True
        verdict = await diagnose(
            task,
            fleet=fleet,
            topology=topology,
            analyzer=EmbeddedAnalyzer(topology=topology, log=log),
            on_state=lambda state: None if state.is_final else store.move(name, state),
            on_progress=on_progress,
            is_cancelled=_Polled(lambda: store.is_cancel_requested(name)),
            on_verdict=lambda verdict: on_answer(_kept(store, name, verdict)),
        )
    except BaseException as error:
        if is_stored:
            _store_end(store, name, error)
        raise
    finally:
        await fleet.close()
    return answer_of(verdict)


def _kept(store: TaskStore, name: str, verdict: Verdict) -> Json:
    """Store the answer, if that can be."""
    answer = answer_of(verdict)
    try:
        state = TaskState.CANCELLED if store.is_cancel_requested(name) else TaskState.DONE
        store.finish(name, state, now=verdict.finished_at, answer=answer)
    except (StoreUnavailable, TaskEnded) as error:
        typer.echo(f"dyetrace: the answer is not kept: {error}", err=True)
    return answer


def _noted(task: Task, text: str) -> Progress:
    wanted = task.limits.packet_count
    return Progress(state=TaskState.NEW, colored=0, wanted=wanted, elapsed_s=0.0, text=text)


def _store_end(store: TaskStore, name: str, error: BaseException) -> None:
    if isinstance(error, asyncio.CancelledError | KeyboardInterrupt):
        state, why = TaskState.CANCELLED, "stopped by its user"
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
