"""Carries a task out from the command line: controller and analyzer in this process."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from dyetrace.cli.host_agent import host_cloud
from dyetrace.controller.diagnosis import Progress
from dyetrace.controller.service import carry_out, new_task, prepare, request_json, store_end
from dyetrace.controller.store import TaskStore
from dyetrace.errors import NotPermitted
from dyetrace.inventory.clouds import Cloud, load_cloud, registered_clouds
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, Task, TaskState, task_name
from dyetrace.wire.answer import Json

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
    try:
        prepared = await prepare(task, cloud)
    except BaseException as error:
        if not is_new:
            store_end(store, task_name(task.id), error)
        raise
    try:
        for conflict in prepared.conflicts:
            on_progress(_noted(task, conflict))
        if is_new:
            store.add(task, cloud=cloud.name, request=request_json(task.wanted, task.limits))
        return await carry_out(
            prepared,
            store=store,
            on_progress=on_progress,
            on_answer=on_answer,
            on_warning=lambda text: typer.echo(f"dyetrace: {text}", err=True),
        )
    finally:
        await prepared.fleet.close()


def _noted(task: Task, text: str) -> Progress:
    wanted = task.limits.packet_count
    return Progress(state=TaskState.NEW, colored=0, wanted=wanted, elapsed_s=0.0, text=text)
