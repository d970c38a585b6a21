"""dyetrace stop: end a task."""

import typer

from dyetrace.cli.options import Output, checked_format, is_json


def stop(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    timeout: float = typer.Option(15.0, help="Wait this many seconds for it to have ended."),
    output: Output = "table",
) -> None:
    """Stop a task and wait until nothing of it is left."""
    checked_format(output)

    import time

    from dyetrace.cli.render import render_json, task_json
    from dyetrace.controller.store import TaskStore
    from dyetrace.errors import AgentUnreachable

    store = TaskStore()
    try:
        stored = store.request_cancel(task)
        deadline = time.monotonic() + timeout
        while not store.get(stored.id).state.is_final:
            if time.monotonic() > deadline:
                raise AgentUnreachable(f"task {stored.id} has not ended within {timeout:g} s")
            time.sleep(0.05)  # another process ends it; the store is where it says so
            store.fail_abandoned()
        ended = store.get(stored.id)
    finally:
        store.close()
    if is_json(output):
        typer.echo(render_json(task_json(ended), output))
    else:
        typer.echo(f"task {ended.id} is {ended.state.value}")
