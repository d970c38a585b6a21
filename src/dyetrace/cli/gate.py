"""dyetrace gate: where agents of other machines join this one."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Where agents of other machines join this one.", no_args_is_help=True)
State = Annotated[
    Path, typer.Option(envvar="DYETRACE_GATE", help="Folder of the authority and the register.")
]
STATE = Path("/var/lib/dyetrace/gate")


@app.command("open")
def open_gate(
    listen: Annotated[str, typer.Option(help="HOST:PORT to listen on.")] = "0.0.0.0:7443",
    cloud: Annotated[str, typer.Option(help="Name to trace by: `trace --cloud NAME`.")] = "joined",
    certificate_hours: Annotated[
        float, typer.Option(help="How long agents' certificates hold.", min=0.001)
    ] = 24.0,
    state: State = STATE,
) -> None:
    """Let agents in until stopped; those that have joined are a cloud to `trace` and `doctor`."""
    import asyncio
    import logging
    import signal
    from contextlib import suppress
    from datetime import timedelta

    from dyetrace.controller.enrolment import open_enrolment
    from dyetrace.controller.gate import Gate
    from dyetrace.inventory.clouds import CLOUDS, register_cloud

    host, port = _address(listen)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    enrolment = open_enrolment(state, lifetime=timedelta(hours=certificate_hours))

    async def run() -> None:
        gate = Gate(enrolment=enrolment, folder=state, host=host, port=port)
        gate.on_change = lambda: register_cloud(gate.cloud(cloud))
        await gate.open()
        task = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)  # type: ignore[union-attr] # in a task
        typer.echo(f"listening on {host}:{gate.port}")
        try:
            gate.on_change()
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        finally:
            await gate.close()
            (CLOUDS / f"{cloud}.json").unlink(missing_ok=True)

    asyncio.run(run())


@app.command()
def token(
    at: Annotated[str, typer.Option(help="HOST:PORT by which agents reach the gate.")],
    host: Annotated[
        str, typer.Option(help="Only this host may use it; it may have joined before.")
    ] = "",
    minutes: Annotated[float, typer.Option(help="How long it can be used.", min=0.01)] = 60.0,
    state: State = STATE,
) -> None:
    """Make a join token: on stdout; how to use it, on stderr."""
    from datetime import UTC, datetime, timedelta

    from dyetrace.controller.enrolment import open_enrolment

    _address(at)
    made = open_enrolment(state).make_token(
        host=host, now=datetime.now(UTC), lifetime=timedelta(minutes=minutes)
    )
    named = f" --host {host}" if host else ""
    typer.echo(made.text)
    typer.echo(
        f"On the host, with this in FILE:\n  dyetrace agent --join {at} --token-file FILE{named}",
        err=True,
    )


@app.command("list")
def list_agents(state: State = STATE) -> None:
    """List the certificates that hold: host, serial, and until when."""
    from datetime import UTC, datetime

    from dyetrace.controller.enrolment import open_enrolment

    for entry in open_enrolment(state).register.holding(datetime.now(UTC).timestamp()):
        until = datetime.fromtimestamp(entry.expires, UTC).isoformat(timespec="seconds")
        typer.echo(f"{entry.host}\t{entry.serial}\t{until}")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(help="A host, or a certificate's serial.")],
    state: State = STATE,
) -> None:
    """Revoke certificates, with their renewals; an open gate sends the agent away in a second."""
    from dyetrace.controller.enrolment import open_enrolment
    from dyetrace.errors import InvalidRequest

    if not (serials := open_enrolment(state).register.revoke(name)):
        raise InvalidRequest(f"no certificate of {name!r}: see `dyetrace gate list`")
    for serial in serials:
        typer.echo(serial)


def _address(text: str) -> tuple[str, int]:
    from dyetrace.errors import InvalidRequest

    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidRequest(f"{text!r} is not of the form HOST:PORT")
    return host.strip("[]"), int(port)
