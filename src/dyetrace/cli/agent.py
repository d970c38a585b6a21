"""dyetrace agent: the process that carries out policies on one host."""

from pathlib import Path
from typing import Annotated

import typer

from dyetrace.cli.configuration import AgentFile, ShowConfig
from dyetrace.cli.options import LogFormat
from dyetrace.cli.record_log import LogPartitions, RecordLog, log_servers


def agent(
    context: typer.Context,
    listen: Annotated[
        str | None,
        typer.Option(
            help="Unix socket to serve controllers of this machine on; needed without --join."
        ),
    ] = None,
    join: Annotated[
        str | None, typer.Option(help="HOST:PORT of the controller to join, over TLS.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="File with a join token; needed the first time only."),
    ] = None,
    state: Annotated[
        Path, typer.Option(help="Folder for this agent's key, certificate and spool.")
    ] = Path("/var/lib/dyetrace/agent"),
    host: Annotated[
        str | None, typer.Option(help="This host's name; the system's if left out.")
    ] = None,
    netns: Annotated[
        list[str] | None,
        typer.Option(help="Only namespaces whose names match; may be repeated. All if left out."),
    ] = None,
    colors: Annotated[
        str,
        typer.Option(help="Original DSCP:color pairs, e.g. 0:43,46:47."),
    ] = "0:43",
    ring_kib: Annotated[
        int,
        typer.Option(help="Size of the ring of records, in KiB.", min=4),
    ] = 4096,
    vxlan_port: Annotated[
        list[int] | None, typer.Option(help="UDP ports that carry VXLAN; up to four.")
    ] = None,
    clsact: Annotated[
        bool,
        typer.Option(
            "--clsact",
            help="Attach as kernels before 6.6 must, also where there is tcx.",
        ),
    ] = False,
    idle_exit: Annotated[
        float | None, typer.Option(help="Exit after this many seconds without a controller.")
    ] = None,
    spool_mib: Annotated[
        int,
        typer.Option(
            help="How much to keep on disk for controllers that are away, in MiB; 0: nothing.",
            min=0,
        ),
    ] = 64,
    metrics: Annotated[
        str | None,
        typer.Option(help="ADDRESS:PORT of a page for Prometheus; none if left out."),
    ] = None,
    log: RecordLog = None,
    log_partitions: LogPartitions = 8,
    log_format: LogFormat = "text",
    config: AgentFile = None,
    show_config: ShowConfig = False,
) -> None:
    """Carry out policies on this host until stopped.

    With --join it serves a controller on another machine too: it joins once, by
    the token, and from then on shows its certificate, which it renews by itself.

    Attaches programs only while a task is active. Whatever ends the process,
    everything it attached is gone with it.
    """
    if context.invoked_subcommand is not None:
        return
    if show_config:
        from dyetrace.cli.configuration import shown

        typer.echo(shown(context, "agent", config))
        return

    import json
    import os
    import sys

    from dyetrace.errors import InvalidRequest
    from dyetrace.model.packet import ColorMap

    try:
        ColorMap.parse(colors)
    except ValueError as error:
        raise InvalidRequest(f"--colors: {error}") from error
    if listen is None and join is None:
        raise InvalidRequest("give --listen, --join, or both")
    settings = {
        "listen": listen or "/run/dyetrace/agent.sock",
        "host": host,
        "netns": netns or [],
        "colors": colors,
        "ring_kib": ring_kib,
        "vxlan_ports": vxlan_port or [4789],
        "uses_clsact": clsact,
        "idle_exit_s": idle_exit,
        "join": join,
        "state": str(state),
        "token_file": str(token_file) if token_file else None,
        "spool_mib": spool_mib,
        "metrics": metrics,
        "log": log_servers(log, is_identified=join is not None) if log else None,
        "log_partitions": log_partitions,
        "log_format": log_format,
    }
    # An agent stays for months: it does not carry the command line's libraries, nor
    # what the threads that load programs at its start leave in heaps of their own.
    command = [sys.executable, "-m", "dyetrace.agent", json.dumps(settings)]
    os.execve(sys.executable, command, {**os.environ, "MALLOC_ARENA_MAX": "1"})  # noqa: S606 - no shell is wanted
