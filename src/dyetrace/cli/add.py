"""dyetrace add: start a task and return at once."""

from typing import TYPE_CHECKING

import typer

from dyetrace.cli.options import (
    CloudName,
    Destination,
    DestinationPort,
    DirectionName,
    InventoryFile,
    Output,
    Packets,
    ProtocolName,
    Rate,
    Server,
    Source,
    SourcePort,
    Tenant,
    TokenFile,
    TraceTime,
    checked_direction,
    checked_format,
    filter_of,
    is_json,
    limits_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dyetrace.model.filter import PacketFilter
    from dyetrace.model.task import Limits
    from dyetrace.wire.answer import Json


def add(
    src: Source = None,
    dst: Destination = None,
    proto: ProtocolName = None,
    sport: SourcePort = None,
    dport: DestinationPort = None,
    tenant: Tenant = None,
    packets: Packets = 20,
    time: TraceTime = "30s",
    rate: Rate = 1000,
    direction: DirectionName = "there",
    cloud: CloudName = None,
    inventory: InventoryFile = None,
    server: Server = None,
    token_file: TokenFile = None,
    output: Output = "table",
) -> None:
    """Start a task in the background and print its id; with --direction both, two.

    See `dyetrace result ID` for the answer, `dyetrace stop ID` to end it.
    """
    checked_format(output)
    checked_direction(direction)
    wanted = filter_of(src=src, dst=dst, proto=proto, sport=sport, dport=dport, tenant=tenant)
    limits = limits_of(packets=packets, time=time, rate=rate)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json

    remote = remote_of(server, token_file, is_local=cloud is not None or inventory is not None)
    if remote is not None:
        from dyetrace.cli.remote_trace import add_remotely, as_stored

        added = [as_stored(one) for one in add_remotely(remote, wanted, limits, direction)]
    else:
        added = _added(wanted, limits, direction, cloud, inventory)
    if output == "json":
        typer.echo(render_json(added if len(added) > 1 else added[0], output))
    for one in added if output != "json" else ():
        typer.echo(render_json(one, output) if is_json(output) else one["id"])


def _added(
    wanted: "PacketFilter",
    limits: "Limits",
    direction: str,
    cloud: str | None,
    inventory: "Path | None",
) -> "list[Json]":
    """Start processes of this machine that carry the tasks out, once nothing refuses them."""
    import asyncio

    from dyetrace.cli.run import add_all, choose_cloud
    from dyetrace.controller.directions import Direction, tasks_of
    from dyetrace.controller.service import prepare
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json
    from dyetrace.model.task import task_name

    chosen = choose_cloud(cloud, inventory)
    asked = tasks_of(wanted, limits, Direction(direction))

    async def refuse_what_can_be_refused() -> None:
        for task, _ in asked:
            prepared = await prepare(task, chosen)
            await prepared.fleet.close()

    asyncio.run(refuse_what_can_be_refused())
    store = TaskStore()
    try:
        add_all(asked, chosen, store)
        names = [task_name(task.id) for task, _ in asked]
        for name in names:
            store.run_by(name, _started(name, inventory))
        return [task_json(store.get(name)) for name in names]
    finally:
        store.close()


def _started(name: str, inventory: "Path | None") -> int:
    """Start the process that carries a stored task out; give its id."""
    import subprocess
    import sys

    names = ["--inventory", str(inventory.absolute())] if inventory is not None else []
    return subprocess.Popen(
        [sys.executable, "-m", "dyetrace", "carry-out", name, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ).pid


def carry_out(name: str, inventory: InventoryFile = None) -> None:
    """Carry out a stored task (what `add` starts)."""
    from datetime import UTC, datetime

    from dyetrace.cli.run import choose_cloud, run_task
    from dyetrace.controller.store import TaskStore
    from dyetrace.errors import DyetraceError
    from dyetrace.model.task import Task, TaskState
    from dyetrace.wire.requests import filter_from_json, limits_from_json

    store = TaskStore()
    try:
        stored = store.get(name)
        wanted = filter_from_json(stored.request["filter"])
        limits = limits_from_json(stored.request)
        try:
            chosen = choose_cloud(stored.cloud, inventory)
        except DyetraceError as error:  # nobody sees this process: the store must tell
            store.finish(name, TaskState.FAILED, now=datetime.now(UTC), error=str(error))
            raise
        run_task(
            wanted,
            limits,
            cloud=chosen,
            store=store,
            on_progress=lambda _: None,
            stored=Task(
                id=int(stored.id, 16), wanted=wanted, limits=limits, opened_at=stored.opened_at
            ),
        )
    finally:
        store.close()
