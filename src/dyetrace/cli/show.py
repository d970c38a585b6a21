"""dyetrace show: everything that is known of a task."""

import typer

from dyetrace.cli.options import Output, checked_format


def show(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
) -> None:
    """Print a task: what was asked, how far it is, its answer or error."""
    checked_format(output)

    from dyetrace.cli.render import render, render_json, task_json
    from dyetrace.controller.store import TaskStore

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    if output in {"json", "jsonl"}:
        typer.echo(render_json({**task_json(stored), "answer": stored.answer}, output))
        return
    for name, value in task_json(stored).items():
        if value is not None:
            typer.echo(f"{name:<12} {value}")
    if stored.answer is not None:
        typer.echo()
        typer.echo(render(stored.answer, output))
