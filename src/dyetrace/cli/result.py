"""dyetrace result: the answer to a task."""

import typer

from dyetrace.cli import exits
from dyetrace.cli.options import Output, checked_format
from dyetrace.errors import ExitStatus


def result(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
) -> None:
    """Print a task's answer; exits as `trace` does, or 11 while there is none."""
    checked_format(output)

    from dyetrace.cli.render import render
    from dyetrace.controller.store import TaskStore

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    if stored.answer is None:
        why = stored.error or "wait for it, or see `dyetrace show`"
        typer.echo(f"task {stored.id} is {stored.state.value} and has no answer: {why}", err=True)
        raise typer.Exit(ExitStatus.LOSS_NOT_LOCATED)
    typer.echo(render(stored.answer, output))
    raise typer.Exit(exits.BY_VERDICT[stored.answer["verdict"]])
