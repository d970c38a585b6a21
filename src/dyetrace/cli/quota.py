"""dyetrace quota: how much tenants may trace."""

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
    is_json,
)

if TYPE_CHECKING:
    from dyetrace.wire.answer import Json

app = typer.Typer(
    help="Give tenants quotas of their own.", no_args_is_help=True, rich_markup_mode=None
)
TenantName = Annotated[str, typer.Argument(help="The tenant.")]
ACTION = "quota"


@app.command("set")
def set_quota(
    tenant: TenantName,
    tasks: Annotated[int | None, typer.Option(help="Active tasks.", min=0)] = None,
    packets: Annotated[int | None, typer.Option(help="Packets per task.", min=0)] = None,
    rate: Annotated[
        int | None, typer.Option(help="Packets per second, all active tasks together.", min=0)
    ] = None,
    daily: Annotated[int | None, typer.Option(help="Packets a day.", min=0)] = None,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Give a tenant numbers of its own instead of those it had; what is left out is as for all."""
    own = {
        "active_tasks": tasks,
        "packets_per_task": packets,
        "packets_per_second": rate,
        "packets_per_day": daily,
    }

    from dyetrace.cli.local_admin import audited
    from dyetrace.cli.remote import remote_of, tenant_path
    from dyetrace.cli.stored import open_database

    remote = remote_of(server, token_file, is_local=database is not None)
    if remote is not None:
        remote.ask("PUT", tenant_path(tenant), own)
    else:
        from dyetrace.controller.store import QuotaStore

        said = ", ".join(f"{name} {number}" for name, number in own.items() if number is not None)
        opened = open_database(database, database_file, state)
        try:
            QuotaStore(opened).set(tenant, own)
            audited(opened, ACTION, target=tenant, outcome=said or "as for all")
        finally:
            opened.close()
    typer.echo(f"tenant {tenant} has a quota of its own")


@app.command()
def clear(
    tenant: TenantName,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """Have a tenant be as all are."""
    from dyetrace.cli.local_admin import audited
    from dyetrace.cli.remote import remote_of, tenant_path
    from dyetrace.cli.stored import open_database
    from dyetrace.errors import InvalidRequest

    remote = remote_of(server, token_file, is_local=database is not None)
    if remote is not None:
        remote.ask("DELETE", tenant_path(tenant))
    else:
        from dyetrace.controller.store import QuotaStore

        opened = open_database(database, database_file, state)
        try:
            if not QuotaStore(opened).clear(tenant):
                raise InvalidRequest(f"tenant {tenant} has no quota of its own")
            audited(opened, ACTION, target=tenant, outcome="as for all")
        finally:
            opened.close()
    typer.echo(f"tenant {tenant} is as all are")


@app.command("list")
def list_quotas(
    output: Output = "table",
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
    server: Server = None,
    token_file: TokenFile = None,
) -> None:
    """List the tenants that have quotas of their own; a controller also tells what all have."""
    checked_format(output)

    from dyetrace.cli.remote import remote_of
    from dyetrace.cli.render import render_json, table

    remote = remote_of(server, token_file, is_local=database is not None)
    found = (
        remote.ask("GET", "/v1/quotas")[1]
        if remote
        else {"tenants": _kept(database, database_file, state)}
    )
    if is_json(output):
        typer.echo(render_json(found, output))
        return
    tenants = ({"(all)": found["all"]} if "all" in found else {}) | found["tenants"]
    if not tenants:
        typer.echo("no tenant has a quota of its own: `dyetrace quota set TENANT` ...", err=True)
        return
    rows = [
        [tenant, *("-" if number is None else str(number) for number in own.values())]
        for tenant, own in tenants.items()
    ]
    head = ["TENANT", "TASKS", "PACKETS/TASK", "PACKETS/S", "PACKETS/DAY"]
    typer.echo(table(head, rows))
    if "host" in found:
        host = found["host"]
        typer.echo(
            f"\neach host: {host['active_tasks']} tasks, {host['packets_per_second']} packets/s"
        )


def _kept(database: str | None, database_file: Path | None, state: Path) -> "Json":
    from dyetrace.cli.stored import open_database
    from dyetrace.controller.store import QuotaStore

    opened = open_database(database, database_file, state)
    try:
        return dict(QuotaStore(opened).list())
    finally:
        opened.close()
