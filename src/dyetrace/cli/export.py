"""dyetrace export: a task's answer as a file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dyetrace.cli.options import Server, TokenFile
from dyetrace.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

LATER = ("pcapng", "otlp")


def export(
    task: Annotated[str, typer.Argument(help="The task's id, or its first digits.")],
    format_: Annotated[str, typer.Option("--format", help="json.")] = "json",
    to: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to; to stdout if left out.")
    ] = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Write a task's answer as a file; a controller notes in its audit log that you did."""
    if format_ in LATER:
        raise InvalidRequest(f"format {format_} is not there yet: json")
    if format_ != "json":
        raise InvalidRequest(f"no format {format_!r}: json")

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json

    remote = remote_of(server, token_file)
    if remote is not None:
        _, answer = remote.ask("GET", f"{remote.task_path(task)}/export", format=format_)
    else:
        answer = _kept(task)
    text = render_json(answer, "json")
    if to is None:
        typer.echo(text)
        return
    try:
        to.write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise InvalidRequest(f"cannot write {to}: {error.strerror}") from error


def _kept(task: str) -> "Mapping[str, Any]":
    """Look into this machine's own store."""
    from dyetrace.cli.local_admin import audited
    from dyetrace.controller.store import TaskStore
    from dyetrace.errors import NoAnswer

    store = TaskStore()
    try:
        store.fail_abandoned()
        stored = store.get(task)
        if stored.answer is None:
            raise NoAnswer(task=stored.id, state=stored.state.value)
        audited(store.database, "export", target=stored.id, outcome="json")
    finally:
        store.close()
    return stored.answer
