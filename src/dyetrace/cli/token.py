"""dyetrace token: who may use the API."""

from typing import Annotated

import typer

from dyetrace.cli.configuration import ControllerFile
from dyetrace.cli.options import (
    STATE,
    DatabaseFile,
    DatabaseUrl,
    Output,
    State,
    checked_format,
    is_json,
)

app = typer.Typer(
    help="Make, list and revoke tokens of the API.", no_args_is_help=True, rich_markup_mode=None
)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Whose it is, as the audit log will call them.")],
    role: Annotated[str, typer.Option(help="tenant-reader, tenant, operator or admin.")] = "tenant",
    tenant: Annotated[str, typer.Option(help="The tenant, for a tenant's roles.")] = "",
    days: Annotated[
        float | None, typer.Option(help="Valid for so many days; for ever if left out.", min=0)
    ] = None,
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Make a token and print it: it can be read only now."""
    from datetime import UTC, datetime, timedelta

    from dyetrace.cli.local_admin import audited
    from dyetrace.cli.stored import open_database
    from dyetrace.controller.principal import Principal, Role
    from dyetrace.controller.store import TokenStore
    from dyetrace.errors import InvalidRequest

    roles = [known.value for known in Role if known is not Role.AGENT]
    if role not in roles:
        raise InvalidRequest(f"no role {role!r}: {', '.join(roles)}")
    try:
        principal = Principal(name=name, role=Role(role), tenant=tenant)
        expires_at = datetime.now(UTC) + timedelta(days=days) if days is not None else None
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(str(error)) from error
    opened = open_database(database, database_file, state)
    try:
        issued = TokenStore(opened).issue(principal, expires_at=expires_at)
        token_id = issued.split("_")[1]
        audited(opened, "token", target=token_id, outcome=f"made for {principal.full_name}")
        typer.echo(issued)
    finally:
        opened.close()


@app.command("list")
def list_tokens(
    output: Output = "table",
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """List the tokens there are; their texts are kept nowhere."""
    checked_format(output)

    from dyetrace.cli.render import render_json, table
    from dyetrace.cli.stored import open_database
    from dyetrace.controller.store import TokenStore
    from dyetrace.wire.answer import rfc3339

    opened = open_database(database, database_file, state)
    try:
        found = TokenStore(opened).list()
    finally:
        opened.close()
    facts = [
        {
            "id": token.id,
            "name": token.principal.name,
            "role": token.principal.role.value,
            "tenant": token.principal.tenant,
            "created_at": rfc3339(token.created_at),
            "expires_at": rfc3339(token.expires_at) if token.expires_at else None,
            "revoked_at": rfc3339(token.revoked_at) if token.revoked_at else None,
        }
        for token in found
    ]
    if is_json(output):
        typer.echo(render_json(facts, output))
    elif not facts:
        typer.echo("no token yet: `dyetrace token create NAME` makes one", err=True)
    else:
        rows = [[str(value or "-") for value in one.values()] for one in facts]
        typer.echo(table(["ID", "NAME", "ROLE", "TENANT", "CREATED", "EXPIRES", "REVOKED"], rows))


@app.command()
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, as `list` shows it.")],
    database: DatabaseUrl = None,
    database_file: DatabaseFile = None,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Refuse a token from now on."""
    from dyetrace.cli.local_admin import audited
    from dyetrace.cli.stored import open_database
    from dyetrace.controller.store import TokenStore

    opened = open_database(database, database_file, state)
    try:
        TokenStore(opened).revoke(token)
        audited(opened, "token", target=token, outcome="revoked")
    finally:
        opened.close()
    typer.echo(f"token {token} is revoked")
