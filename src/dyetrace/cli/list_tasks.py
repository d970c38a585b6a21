"""dyetrace list: the latest tasks."""

from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.options import Output, Server, TokenFile, checked_format

if TYPE_CHECKING:
    from dyetrace.cli.remote import Remote
    from dyetrace.wire.answer import Json

PAGE = 200  # the most that a controller gives at once


def list_tasks(
    text: Annotated[str, typer.Option("--filter", help="Only tasks whose filter has this.")] = "",
    limit: Annotated[int, typer.Option(help="At most this many.", min=1, max=10_000)] = 20,
    output: Output = "table",
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List the latest tasks, the newest first."""
    checked_format(output)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json, table

    remote = remote_of(server, token_file)
    found = _kept(text, limit) if remote is None else _told(remote, text, limit)
    if output == "json":
        typer.echo(render_json(found, output))
    elif output == "jsonl":
        for facts in found:
            typer.echo(render_json(facts, output))
    elif not found:
        typer.echo("no task yet: `dyetrace trace --src ... --dst ...` makes one", err=True)
    else:
        rows = [
            [
                facts["id"],
                f"{facts['opened_at'][:10]} {facts['opened_at'][11:19]}Z",
                facts["cloud"],
                facts["state"],
                facts["verdict"] or "-",
                facts["filter"],
            ]
            for facts in found
        ]
        typer.echo(table(["TASK", "OPENED", "CLOUD", "STATE", "VERDICT", "FILTER"], rows))


def _kept(text: str, limit: int) -> "list[Json]":
    """Look into this machine's own store."""
    from dyetrace.controller.store import TaskStore
    from dyetrace.controller.task_json import task_json

    store = TaskStore()
    try:
        return [task_json(stored) for stored in store.list(text=text, limit=limit)]
    finally:
        store.close()


def _told(remote: "Remote", text: str, limit: int) -> "list[Json]":
    """Ask a controller, page by page."""
    from dyetrace.cli.remote_trace import as_stored

    found: list[Json] = []
    query: dict[str, str] = {"text": text}
    while len(found) < limit:
        size = min(limit - len(found), PAGE)
        _, page = remote.ask("GET", "/v1/traces", limit=size, **query)
        found.extend(as_stored(facts) for facts in page["items"])
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    return found
