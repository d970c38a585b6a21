"""dyetrace kill: stop all tracing, everywhere."""

from typing import Annotated

import typer

from dyetrace.cli.options import DatabaseUrl, Server, TokenFile


def kill(
    reason: Annotated[str, typer.Option(help="Why, as the audit log will say.")] = "",
    release: Annotated[bool, typer.Option("--release", help="Take tasks again.")] = False,
    database: DatabaseUrl = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Cancel all tasks on all hosts, and have new ones refused until --release.

    A controller wants an administrator's token. Without one, the switch is pulled in the
    database: every controller and command that uses it obeys within a second or so.
    """
    from dyetrace.cli.remote import remote_of

    remote = remote_of(server, token_file, is_local=database is not None)
    if release:
        if remote is not None:
            remote.ask("DELETE", "/v1/kill")
        else:
            _release(database)
        typer.echo("the kill switch is released: tasks are taken again")
        return
    if remote is not None:
        cancelled = remote.ask("POST", "/v1/kill", {"reason": reason})[1]["cancelled"]
    else:
        cancelled = _pull(database, reason)
    typer.echo(f"the kill switch is pulled: {cancelled} tasks cancelled, none is taken")


def _pull(database: str | None, reason: str) -> int:
    from dyetrace.cli.local_admin import audited, local_admin
    from dyetrace.controller.store import KillSwitch, TaskPages, TaskStore

    store, by = TaskStore(database), local_admin().name
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


def _release(database: str | None) -> None:
    from dyetrace.cli.local_admin import audited
    from dyetrace.controller.store import Database, KillSwitch

    opened = Database(database)
    try:
        KillSwitch(opened).release()
        audited(opened, "release", target="kill switch", outcome="released")
    finally:
        opened.close()
