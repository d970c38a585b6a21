"""dyetrace add: start a task and return at once."""

import typer

from dyetrace.cli.options import (
    CloudName,
    Destination,
    DestinationPort,
    Output,
    Packets,
    ProtocolName,
    Rate,
    Source,
    SourcePort,
    Tenant,
    TraceTime,
    checked_format,
    filter_of,
    is_json,
    limits_of,
)


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
    cloud: CloudName = None,
    output: Output = "table",
) -> None:
    """Start a task in the background and print its id.

    See `dyetrace result ID` for the answer, `dyetrace stop ID` to end it.
    """
    checked_format(output)
    wanted = filter_of(src=src, dst=dst, proto=proto, sport=sport, dport=dport, tenant=tenant)
    limits = limits_of(packets=packets, time=time, rate=rate)

    import asyncio
    import subprocess
    import sys

    from dyetrace.cli.render import render_json
    from dyetrace.cli.run import choose_cloud
    from dyetrace.controller.service import new_task, prepare, request_json
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json
    from dyetrace.model.task import Task, task_name

    chosen = choose_cloud(cloud)
    task = new_task(wanted, limits)

    async def refuse_what_can_be_refused(task: Task) -> None:
        prepared = await prepare(task, chosen)
        await prepared.fleet.close()

    asyncio.run(refuse_what_can_be_refused(task))
    store = TaskStore()
    name = task_name(task.id)
    try:
        request = {**request_json(wanted, limits), "cloud": chosen.name}
        store.add(task, cloud=chosen.name, request=request)
        runner = subprocess.Popen(
            [sys.executable, "-m", "dyetrace", "carry-out", name],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        store.run_by(name, runner.pid)
        stored = store.get(name)
    finally:
        store.close()
    typer.echo(render_json(task_json(stored), output) if is_json(output) else name)


def carry_out(name: str) -> None:
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
            chosen = choose_cloud(stored.cloud)
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
