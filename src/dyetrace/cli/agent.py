"""dyetrace agent: the process that carries out policies on one host."""

from typing import Annotated

import typer


def agent(
    listen: Annotated[str, typer.Option(help="Unix socket to serve controllers on.")],
    host: Annotated[
        str | None, typer.Option(help="This host's name; the system's if left out.")
    ] = None,
    netns: Annotated[
        list[str] | None,
        typer.Option(help="Only namespaces whose names match; may be repeated. All if left out."),
    ] = None,
    colors: Annotated[
        str,
        typer.Option(
            envvar="DYETRACE_AGENT_COLORS", help="Original DSCP:color pairs, e.g. 0:43,46:47."
        ),
    ] = "0:43",
    ring_kib: Annotated[
        int,
        typer.Option(
            envvar="DYETRACE_AGENT_RING_KIB", help="Size of the ring of records, in KiB.", min=4
        ),
    ] = 4096,
    vxlan_port: Annotated[
        list[int] | None, typer.Option(help="UDP ports that carry VXLAN; up to four.")
    ] = None,
    clsact: Annotated[
        bool,
        typer.Option(
            "--clsact",
            envvar="DYETRACE_AGENT_CLSACT",
            help="Attach as kernels before 6.6 must, also where there is tcx.",
        ),
    ] = False,
    idle_exit: Annotated[
        float | None, typer.Option(help="Exit after this many seconds without a controller.")
    ] = None,
) -> None:
    """Carry out policies on this host until stopped.

    Attaches programs only while a task is active. Whatever ends the process,
    everything it attached is gone with it.
    """
    import fcntl
    import socket
    from pathlib import Path

    from dyetrace.agent.server import AgentServer, run
    from dyetrace.datapath.linux.driver import LinuxDriver
    from dyetrace.errors import InvalidRequest, NotPermitted
    from dyetrace.inventory.clouds import netns_of_clouds
    from dyetrace.model.packet import ColorMap

    try:
        color_map = ColorMap.parse(colors)
    except ValueError as error:
        raise InvalidRequest(f"--colors: {error}") from error
    path = Path(listen)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock_file = path.with_suffix(".lock").open("w", encoding="utf-8")
    except OSError as error:
        kind = NotPermitted if isinstance(error, PermissionError) else InvalidRequest
        raise kind(f"--listen {listen}: {error.strerror}") from error
    with lock_file as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InvalidRequest(f"another agent serves {listen} already") from error
        driver = LinuxDriver(
            host=host or socket.gethostname(),
            netns=tuple(netns or ()),
            others=tuple if netns else netns_of_clouds,
            colors=color_map,
            ring_bytes=ring_kib * 1024,
            vxlan_ports=tuple(vxlan_port or (4789,)),
            uses_clsact=clsact,
        )
        run(AgentServer(driver=driver, socket=path, idle_exit_s=idle_exit))
