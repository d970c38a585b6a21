"""dyetrace watch: tasks as they change, or one until it ends."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.options import Output, Server, TokenFile, checked_format, is_json

if TYPE_CHECKING:
    from dyetrace.cli.remote import Remote
    from dyetrace.wire.answer import Json

LOOK_EVERY_S = 0.5


def watch(
    task: Annotated[
        str | None, typer.Argument(help="A task's id, or its first digits; all if left out.")
    ] = None,
    output: Output = "table",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Print each task that is active, then a line each time one begins, steps or ends.

    With a task: its steps and progress, until it has ended. Without, until Ctrl-C.
    """
    checked_format(output)

    from dyetrace.cli.remote import remote_of

    remote = remote_of(server, token_file)
    if task is None:
        for facts in _all_told(remote) if remote else _all_kept():
            _print(facts, output, _task_line(facts))
        return
    for facts in _one_told(remote, task) if remote else _one_kept(task):
        _print(facts, output, _step_line(facts))


def _print(facts: "Json", output: str, line: str) -> None:
    from dyetrace.cli.render import render_json

    typer.echo(render_json(facts, "jsonl") if is_json(output) else line)


def _task_line(facts: "Json") -> str:
    moment = (facts["finished_at"] or facts["opened_at"])[11:19]
    told = facts["verdict"] or facts["error"] or ""
    return f"{moment}Z  {facts['id']}  {facts['state']:<10}  {facts['filter']}  {told}".rstrip()


def _step_line(facts: "Json") -> str:
    if "colored" in facts:
        text = f"  {facts['text']}" if facts.get("text") else ""
        counted = f"{facts['colored']}/{facts['wanted']} packets colored"
        return f"{facts['elapsed_s']:>8.1f}s  {facts['state']:<10}  {counted}{text}"
    return f"{facts['at'][11:19]}Z  {facts['to']}"


def _all_told(remote: "Remote") -> "Iterator[Json]":
    from dyetrace.cli.remote_trace import as_stored

    for kind, facts in remote.events("/v1/traces/events"):
        if kind == "task":
            yield as_stored(facts)


def _one_told(remote: "Remote", task: str) -> "Iterator[Json]":
    for kind, facts in remote.events(f"{remote.task_path(task)}/events"):
        if kind in {"transition", "progress"}:
            yield facts


def _all_kept() -> "Iterator[Json]":
    """Look into this machine's own store again and again."""
    import time

    from dyetrace.controller.changes import Changes
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json

    store = TaskStore()
    try:
        changes = Changes(store=store)
        while True:
            yield from (task_json(stored) for stored in changes.look())
            time.sleep(LOOK_EVERY_S)  # other processes write there, and tell nobody
    finally:
        store.close()


def _one_kept(task: str) -> "Iterator[Json]":
    import time

    from dyetrace.controller.store import TaskStore
    from dyetrace.wire.answer import rfc3339

    store, told = TaskStore(), 0
    try:
        name = store.get(task).id
        while True:
            store.fail_abandoned()
            steps = store.history(name)
            for step in steps[told:]:
                before = step.from_state.value if step.from_state else None
                yield {
                    "from": before,
                    "to": step.to_state.value,
                    "at": rfc3339(step.at),
                    "by": step.by,
                }
            told = len(steps)
            if steps and steps[-1].to_state.is_final:
                return
            time.sleep(LOOK_EVERY_S)  # as above
    finally:
        store.close()
