"""dyetrace gate: who may join the controller of this machine, where `dyetrace up` lets them in."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dyetrace.cli.configuration import ControllerFile
from dyetrace.cli.options import STATE, State

if TYPE_CHECKING:
    from dyetrace.controller.enrolment import Enrolment


class Peer(StrEnum):
    """Who uses the record log beside agents."""

    SERVER = "server"
    ANALYZER = "analyzer"
    CONTROLLER = "controller"


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


@app.command()
def certificate(
    name: Annotated[str, typer.Argument(help="Its name; a server's first name or address.")],
    into: Annotated[
        Path, typer.Option(help="Folder for identity.pem (with the key) and authority.pem.")
    ],
    of: Annotated[Peer, typer.Option(help="Who it is.")] = Peer.ANALYZER,
    also: Annotated[
        list[str] | None,
        typer.Option(help="Another name or address of a server; may be repeated."),
    ] = None,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Make a certificate for the record log: of an analyzer, or of one of its servers."""
    from datetime import UTC, datetime

    from dyetrace.controller.authority import new_identity, peer_identity, write_identity

    authority, now = _enrolment(state).authority, datetime.now(UTC)
    if of is Peer.SERVER:
        made = new_identity(authority, names=[name, *(also or [])], now=now)
    else:
        made = peer_identity(authority, kind=of.value, name=name, now=now)
    write_identity(into, made, authority)
    typer.echo(into)


@app.command("log-config")
def log_config(
    region: Annotated[str, typer.Option(help="The region whose servers these are.")],
    store: Annotated[Path, typer.Option(help="Folder where the server keeps the log.")],
    identity: Annotated[
        Path, typer.Option(help="Folder with the server's certificate, as `certificate` makes it.")
    ],
    name: Annotated[str, typer.Option(help="The server's name in its cluster.")] = "nats",
    listen: Annotated[str, typer.Option(help="Address and port.")] = "0.0.0.0:4222",
    analyzer: Annotated[
        list[str] | None, typer.Option(help="An analyzer's name; may be repeated.")
    ] = None,
    cluster: Annotated[
        str, typer.Option(help="Address and port for the cluster's other servers, if any.")
    ] = "",
    route: Annotated[
        list[str] | None, typer.Option(help="One of them, nats://HOST:PORT; may be repeated.")
    ] = None,
    state: State = STATE,
    _: ControllerFile = None,
) -> None:
    """Write a NATS server's configuration: each host that has joined is kept to its own subjects.

    When hosts join, write it again, and have the server read it: `nats-server --signal reload`.
    """
    import socket
    from datetime import UTC, datetime

    from dyetrace.model.topology import host_number
    from dyetrace.transport.nats.server_config import Cluster, Server, Tls, written

    entries = _enrolment(state).register.holding(datetime.now(UTC).timestamp())
    own = identity / "identity.pem"
    made = Server(
        name=name,
        region=region,
        listen=listen,
        folder=store,
        agents={entry.host: host_number(entry.host) for entry in entries},
        analyzers=[f"{Peer.ANALYZER}:{each}" for each in analyzer or ["main"]],
        controllers=[f"{Peer.CONTROLLER}:{socket.gethostname()}"],
        tls=Tls(certificate=own, key=own, authority=identity / "authority.pem"),
        cluster=Cluster(name=region, listen=cluster, routes=route or []) if cluster else None,
    )
    typer.echo(written(made), nl=False)


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
