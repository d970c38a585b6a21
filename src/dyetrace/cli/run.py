"""Carries a task out from the command line: controller and analyzer in this process."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from dyetrace.cli.host_agent import host_cloud
from dyetrace.cli.local_admin import audited
from dyetrace.controller.diagnosis import Progress
from dyetrace.controller.links import Links
from dyetrace.controller.scribe import Scribe
from dyetrace.controller.service import (
    NOT_BEGUN,
    Prepared,
    carry_out,
    new_task,
    prepare,
    request_json,
    store_end,
)
from dyetrace.controller.store import KillSwitch, TaskStore
from dyetrace.errors import NotPermitted, TracingStopped
from dyetrace.inventory.clouds import Cloud, load_cloud, registered_clouds
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, Task, TaskState, task_name
from dyetrace.wire.answer import Json

THIS_HOST = "host"
STORE_PATIENCE_S = 2.0  # an answer that is shown already is not waited for


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


def cloud_again(chosen: Cloud) -> Cloud:
    """Look a chosen cloud up anew: its agents may have changed, or this host's have gone idle."""
    now = host_cloud() if chosen.name == THIS_HOST else load_cloud(chosen.name)
    return replace(now, inventory=chosen.inventory)


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
    request = None if stored else request_json(wanted, limits)
    (answer,) = run_tasks(
        [(task, request)], cloud=cloud, store=store, on_progress=on_progress, on_answer=on_answer
    )
    return answer


def run_tasks(
    asked: Sequence[tuple[Task, Json | None]],
    *,
    cloud: Cloud,
    store: TaskStore,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None] = lambda _: None,
) -> list[Json]:
    """Carry tasks out at once that belong together, all or none; else as run_task.

    Each comes with its request as the store keeps it; None: it stands there already.
    """
    signals: list[int] = []
    try:
        work = _run(asked, cloud, store, on_progress, on_answer)
        return asyncio.run(_until_signalled(work, signals))
    except (KeyboardInterrupt, asyncio.CancelledError) as end:
        hosts = ", ".join(agent.host for agent in cloud.agents)
        names = ", ".join(task_name(task.id) for task, _ in asked)
        said = f"stopped task {names}: nothing of it is left on {hosts}"
        typer.echo(f"\n{said}", err=True)
        if signals:
            raise SystemExit(128 + signals[0]) from end
        raise


async def _until_signalled(work: Coroutine[Any, Any, list[Json]], signals: list[int]) -> list[Json]:
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
    asked: Sequence[tuple[Task, Json | None]],
    cloud: Cloud,
    store: TaskStore,
    on_progress: Callable[[Progress], None],
    on_answer: Callable[[Json], None],
) -> list[Json]:
    prepared: list[Prepared] = []
    links, scribe = Links(), Scribe(store, patience_s=STORE_PATIENCE_S)
    try:
        for task, request in asked:
            try:
                prepared.append(await prepare(task, cloud, links))
            except BaseException as error:
                if request is None:
                    store_end(store, task_name(task.id), error)
                raise
        for one in prepared:
            for conflict in one.conflicts:
                on_progress(_noted(one.task, conflict))
        add_all([(task, request) for task, request in asked if request is not None], cloud, store)
        carried = [
            asyncio.create_task(
                carry_out(
                    one,
                    scribe=scribe,
                    on_progress=on_progress,
                    on_answer=on_answer,
                    on_warning=lambda text: typer.echo(f"dyetrace: {text}", err=True),
                )
            )
            for one in prepared
        ]
        try:
            return list(await asyncio.gather(*carried))
        except BaseException:
            for running in carried:
                running.cancel()
            await asyncio.gather(*carried, return_exceptions=True)
            raise
    finally:
        scribe.close()
        for one in prepared:
            await one.fleet.close()
        await links.close()


def add_all(asked: Sequence[tuple[Task, Json]], cloud: Cloud, store: TaskStore) -> None:
    """Store all, or none that would seem to be under way; raises TracingStopped."""
    pulled = KillSwitch(store.database).pulled()
    if pulled is not None and asked:
        why = pulled.reason or "no reason given"
        raise TracingStopped(f"the kill switch is pulled: {why} (`dyetrace kill --release`)")
    added: list[str] = []
    try:
        for task, request in asked:
            added.append(store.add(task, cloud=cloud.name, request=request))
            audited(store.database, "start", target=added[-1], outcome="started")
    except BaseException:
        now = datetime.now(UTC)
        for name in added:
            store.finish(name, TaskState.CANCELLED, now=now, error=NOT_BEGUN)
        raise


def _noted(task: Task, text: str) -> Progress:
    wanted = task.limits.packet_count
    return Progress(state=TaskState.NEW, colored=0, wanted=wanted, elapsed_s=0.0, text=text)
