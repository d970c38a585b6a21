"""dyetrace result: the answer to a task."""

from typing import TYPE_CHECKING, Any

import typer

from dyetrace.cli import exits
from dyetrace.cli.options import (
    As,
    Inspect,
    Output,
    Server,
    TokenFile,
    checked_format,
    checked_role,
)
from dyetrace.errors import ExitStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


def result(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
    role: As = "operator",
    inspect: Inspect = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Print a task's answer; exits as `trace` does, or 11 while there is none."""
    checked_format(output)
    checked_role(role)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render, seen_by

    remote = remote_of(server, token_file)
    if remote is not None:
        _, told = remote.ask("GET", remote.task_path(task))
        answer = told if "summary" in told else None
        facts = told if answer is None else {}
    else:
        answer, facts = _kept(task)
    if answer is None:
        error = "it failed in the provider's network" if role == "tenant" else facts["error"]
        why = (facts["error"] and error) or "wait for it, or see `dyetrace show`"
        typer.echo(f"task {facts['id']} is {facts['state']} and has no answer: {why}", err=True)
        raise typer.Exit(ExitStatus.LOSS_NOT_LOCATED)
    shows = inspect and role != "tenant"
    typer.echo(render(seen_by(role, answer), output, inspect=shows))
    raise typer.Exit(exits.BY_VERDICT[answer["verdict"]])


def _kept(task: str) -> "tuple[Mapping[str, Any] | None, Mapping[str, Any]]":
    """Look into this machine's own store."""
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    return stored.answer, task_json(stored)
