"""dyetrace result: the answer to a task."""

import typer

from dyetrace.cli import exits
from dyetrace.cli.options import As, Inspect, Output, checked_format, checked_role
from dyetrace.errors import ExitStatus


def result(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
    role: As = "operator",
    inspect: Inspect = False,
) -> None:
    """Print a task's answer; exits as `trace` does, or 11 while there is none."""
    checked_format(output)
    checked_role(role)

    from dyetrace.cli.render import render, seen_by
    from dyetrace.controller.store import TaskStore

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    if stored.answer is None:
        error = "it failed in the provider's network" if role == "tenant" else stored.error
        why = (stored.error and error) or "wait for it, or see `dyetrace show`"
        typer.echo(f"task {stored.id} is {stored.state.value} and has no answer: {why}", err=True)
        raise typer.Exit(ExitStatus.LOSS_NOT_LOCATED)
    shows = inspect and role != "tenant"
    typer.echo(render(seen_by(role, stored.answer), output, inspect=shows))
    raise typer.Exit(exits.BY_VERDICT[stored.answer["verdict"]])
