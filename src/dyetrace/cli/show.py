"""dyetrace show: everything that is known of a task."""

from typing import TYPE_CHECKING, Any

import typer

from dyetrace.cli.options import (
    As,
    Inspect,
    Output,
    Server,
    TokenFile,
    checked_format,
    checked_role,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dyetrace.wire.answer import Json


def show(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
    role: As = "operator",
    inspect: Inspect = False,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Print a task: what was asked, how far it is, its answer or error."""
    checked_format(output)
    checked_role(role)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render, render_json, seen_by

    remote = remote_of(server, token_file)
    if remote is not None:
        from dyetrace.cli.remote_trace import as_stored

        told, kept = remote.task(remote.task_path(task))
        task_facts = as_stored(told)
    else:
        task_facts, kept = _kept(task)
    if role == "tenant" and task_facts["error"]:
        task_facts["error"] = "it failed in the provider's network"
    answer = seen_by(role, kept) if kept is not None else None
    if output in {"json", "jsonl"}:
        typer.echo(render_json({**task_facts, "answer": answer}, output))
        return
    for name, value in task_facts.items():
        if value is not None:
            typer.echo(f"{name:<12} {value}")
    if answer is not None:
        typer.echo()
        typer.echo(render(answer, output, inspect=inspect and role != "tenant"))


def _kept(task: str) -> "tuple[Json, Mapping[str, Any] | None]":
    """Look into this machine's own store."""
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    return task_json(stored), stored.answer
