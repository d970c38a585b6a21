"""dyetrace gate: who may join the controller of this machine, where `dyetrace up` lets them in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.configuration import ControllerFile
from dyetrace.cli.options import STATE, State

if TYPE_CHECKING:
    from dyetrace.controller.enrolment import Enrolment

app = typer.Typer(help="Who may join the controller of this machine.", no_args_is_help=True)


@app.command()
def token(
    at: Annotated[
        str | None,
        typer.Option(help="HOST:PORT by which agents reach the gate; as `up` said, if left out."),
    ] = None,
    host: Annotated[
        str, typer.Option(help="Only this host may use it; it may have joined before.")
    ] = "",
    uses: Annotated[int, typer.Option(help="How many hosts may join by it.", min=1)] = 1,
    minutes: Annotated[float, typer.Option(help="How long it can be used.", min=0.01)] = 60.0,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Make a join token: on stdout; how to use it, on stderr."""
    from datetime import UTC, datetime, timedelta

    enrolment = _enrolment(state)
    at = at or _reached_at(state)
    made = enrolment.make_token(
        host=host, uses=uses, now=datetime.now(UTC), lifetime=timedelta(minutes=minutes)
    )
    named = f" --host {host}" if host else ""
    typer.echo(made.text)
    typer.echo(
        f"On the host, with this in FILE:\n  dyetrace agent --join {at} --token-file FILE{named}",
        err=True,
    )


@app.command("list")
def list_agents(state: State = STATE, _: ControllerFile = None) -> None:
    """List the certificates that hold: host, serial, and until when."""
    from datetime import UTC, datetime

    for entry in _enrolment(state).register.holding(datetime.now(UTC).timestamp()):
        until = datetime.fromtimestamp(entry.expires, UTC).isoformat(timespec="seconds")
        typer.echo(f"{entry.host}\t{entry.serial}\t{until}")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="A host, or a certificate's serial.")],
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Revoke certificates, with their renewals; an open gate sends the agent away in a second."""
    from dyetrace.errors import InvalidRequest

    if not (serials := _enrolment(state).register.revoke(name)):
        raise InvalidRequest(f"no certificate of {name!r}: see `dyetrace gate list`")
    for serial in serials:
        typer.echo(serial)


def _enrolment(state: Path) -> "Enrolment":
    """Open the controller's register as the user who keeps it."""
    from dyetrace.cli.stored import act_as_owner
    from dyetrace.controller.enrolment import open_enrolment

    act_as_owner(state)
    return open_enrolment(state / "gate")


def _reached_at(state: Path) -> str:
    """Read where `up` lets agents in; raises InvalidRequest."""
    from dyetrace.errors import InvalidRequest

    try:
        return (state / "gate" / "reached-at").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InvalidRequest(
            "give --at HOST:PORT, by which agents reach the gate: no `dyetrace up` has run here yet"
        ) from error
