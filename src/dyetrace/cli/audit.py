"""dyetrace audit: who did what."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.configuration import ControllerFile
from dyetrace.cli.options import (
    STATE,
    DatabaseFile,
    DatabaseUrl,
    Output,
    Server,
    State,
    TokenFile,
    checked_format,
)

if TYPE_CHECKING:
    from dyetrace.cli.remote import Remote
    from dyetrace.wire.answer import Json

PAGE = 1000  # the most that a controller gives at once


def audit(
    after: Annotated[int, typer.Option(help="Only lines after this number.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 1000,
    principal: Annotated[str, typer.Option(help="Only theirs; a tenant's: TENANT/NAME.")] = "",
    action: Annotated[
        str,
        typer.Option(help="Only start, stop, export, refuse, kill, release, token or quota."),
    ] = "",
    output: Output = "table",
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Print the audit log, the earliest line first; a controller's wants an admin's token."""
    checked_format(output)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json, table

    remote = remote_of(server, token_file, is_local=database is not None)
    wanted = {"principal": principal, "action": action}
    if remote is None:
        found = _kept((database, database_file, state), after, limit, wanted)
    else:
        found = _told(remote, after, limit, wanted)
    if output == "json":
        typer.echo(render_json(found, output))
    elif output == "jsonl":
        for line in found:
            typer.echo(render_json(line, output))
    else:
        names = ("seq", "at", "principal", "role", "action", "target", "outcome")
        rows = [[str(line[name] or "-") for name in names] for line in found]
        typer.echo(table(["SEQ", "AT", "PRINCIPAL", "ROLE", "ACTION", "TARGET", "OUTCOME"], rows))


def _kept(
    where: "tuple[str | None, Path | None, Path]", after: int, limit: int, wanted: "dict[str, str]"
) -> "list[Json]":
    """Read this machine's own store, or the database given."""
    from dyetrace.cli.stored import open_database
    from dyetrace.controller.audit_json import entry_json
    from dyetrace.controller.store import AuditLog

    opened = open_database(*where)
    try:
        lines = AuditLog(opened).read(after=after, limit=limit, **wanted)
    finally:
        opened.close()
    return [entry_json(line) for line in lines]


def _told(remote: "Remote", after: int, limit: int, wanted: "dict[str, str]") -> "list[Json]":
    """Ask a controller, page by page."""
    found: list[Json] = []
    while len(found) < limit:
        size = min(limit - len(found), PAGE)
        _, page = remote.ask("GET", "/v1/audit", after=after, limit=size, **wanted)
        found.extend(page["items"])
        if page["next"] is None:
            break
        after = page["next"]
    return found
