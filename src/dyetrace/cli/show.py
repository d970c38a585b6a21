"""dyetrace show: everything that is known of a task."""

import typer

from dyetrace.cli.options import As, Inspect, Output, checked_format, checked_role


def show(
    task: str = typer.Argument(help="The task's id, or its first digits."),
    output: Output = "table",
    role: As = "operator",
    inspect: Inspect = False,
) -> None:
    """Print a task: what was asked, how far it is, its answer or error."""
    checked_format(output)
    checked_role(role)

    from dyetrace.cli.render import render, render_json, seen_by
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
    finally:
        store.close()
    task_facts = task_json(stored)
    if role == "tenant" and stored.error:
        task_facts["error"] = "it failed in the provider's network"
    answer = seen_by(role, stored.answer) if stored.answer is not None else None
    if output in {"json", "jsonl"}:
        typer.echo(render_json({**task_facts, "answer": answer}, output))
        return
    for name, value in task_facts.items():
        if value is not None:
            typer.echo(f"{name:<12} {value}")
    if answer is not None:
        typer.echo()
        typer.echo(render(answer, output, inspect=inspect and role != "tenant"))
