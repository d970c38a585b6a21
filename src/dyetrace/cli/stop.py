"""dyetrace stop: end a task."""

from typing import TYPE_CHECKING

import typer

from dyetrace.cli.options import Output, Server, TokenFile, checked_format, is_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from dyetrace.wire.answer import Json


def stop(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    timeout: float = typer.Option(15.0, help="Wait this many seconds for it to have ended."),
    output: Output = "table",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Stop a task and wait until nothing of it is left."""
    checked_format(output)

    import time

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json

    deadline = time.monotonic() + timeout

    def is_over() -> bool:
        return time.monotonic() > deadline

    remote = remote_of(server, token_file)
    if remote is not None:
        from dyetrace.cli.remote_trace import stop_remotely

        ended = stop_remotely(remote, task, is_over=is_over)
    else:
        ended = _stopped(task, timeout, is_over)
    if is_json(output):
        typer.echo(render_json(ended, output))
    else:
        typer.echo(f"task {ended['id']} is {ended['state']}")


def _stopped(task: str, timeout: float, is_over: "Callable[[], bool]") -> "Json":
    """Stop it by this machine's own store."""
    import time

    from dyetrace.cli.local_admin import audited
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json
    from dyetrace.errors import AgentUnreachable

    store = TaskStore()
    try:
        stored = store.request_cancel(task)
        if not stored.state.is_final:
            audited(store.database, "stop", target=stored.id, outcome="asked")
        while not store.get(stored.id).state.is_final:
            if is_over():
                raise AgentUnreachable(f"task {stored.id} has not ended within {timeout:g} s")
            time.sleep(0.05)  # another process ends it; the store is where it says so
            store.fail_abandoned()
        return task_json(store.get(stored.id))
    finally:
        store.close()
