"""dyetrace list: the latest tasks."""

from typing import Annotated

import typer

from dyetrace.cli.options import Output, checked_format


def list_tasks(
    text: Annotated[str, typer.Option("--filter", help="Only tasks whose filter has this.")] = "",
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=10_000)] = 20,
    output: Output = "table",
) -> None:
    """List the latest tasks, the newest first."""
    checked_format(output)

    from dyetrace.cli.render import render_json, table, task_json
    from dyetrace.controller.store import TaskStore

    store = TaskStore()
    try:
        found = store.list(text=text, limit=limit)
    finally:
        store.close()
    if output == "json":
        typer.echo(render_json([task_json(stored) for stored in found], output))
    elif output == "jsonl":
        for stored in found:
            typer.echo(render_json(task_json(stored), output))
    elif not found:
        typer.echo("no task yet: `dyetrace trace --src ... --dst ...` makes one", err=True)
    else:
        rows = [
            [
                stored.id,
                f"{stored.opened_at:%Y-%m-%d %H:%M:%S}Z",
                stored.cloud,
                stored.state.value,
                (stored.answer or {}).get("verdict", "-"),
                stored.filter,
            ]
            for stored in found
        ]
        typer.echo(table(["TASK", "OPENED", "CLOUD", "STATE", "VERDICT", "FILTER"], rows))
