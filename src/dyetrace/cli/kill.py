"""dyetrace kill: stop all tracing, everywhere."""

from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.configuration import ControllerFile
from dyetrace.cli.options import STATE, DatabaseFile, DatabaseUrl, Server, State, TokenFile

if TYPE_CHECKING:
    from dyetrace.controller.store import Database


def kill(
    reason: Annotated[str, typer.Option(help="Why, as the audit log will say.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Take tasks again.")] = False,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Cancel all tasks on all hosts, and have new ones refused until --release.

    A controller wants an administrator's token. Without one, the switch is pulled in the
    database: every controller and command that uses it obeys within a second or so.
    """
    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.stored import open_database

    remote = remote_of(server, token_file, is_local=database is not None)
    if release:
        if remote is not None:
            remote.ask("DELETE", "/v1/kill")
        else:
            _release(open_database(database, database_file, state))
        typer.echo("the kill switch is released: tasks are taken again")
        return
    if remote is not None:
        cancelled = remote.ask("POST", "/v1/kill", {"reason": reason})[1]["cancelled"]
    else:
        cancelled = _pull(open_database(database, database_file, state), reason)
    typer.echo(f"the kill switch is pulled: {cancelled} tasks cancelled, none is taken")


def _pull(opened: "Database", reason: str) -> int:
    from dyetrace.cli.local_admin import audited, local_admin
    from dyetrace.controller.store import KillSwitch, TaskPages, TaskStore

    store, by = TaskStore(opened), local_admin().name
    try:
        KillSwitch(store.database).pull(by=by, reason=reason)
        store.fail_abandoned()
        active = TaskPages(store.database).read_active()
        for stored in active:
            store.request_cancel(stored.id, by=by)
        audited(store.database, "kill", target=reason, outcome=f"{len(active)} cancelled")
    finally:
        store.close()
    return len(active)


def _release(opened: "Database") -> None:
    from dyetrace.cli.local_admin import audited
    from dyetrace.controller.store import KillSwitch

    try:
        KillSwitch(opened).release()
        audited(opened, "release", target="kill switch", outcome="released")
    finally:
        opened.close()
