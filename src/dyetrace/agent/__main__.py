"""The agent's process, as `dyetrace agent` becomes it: without what only a command line needs."""

import fcntl
import json
import logging
import socket
import subprocess
import sys
from contextlib import suppress
from ctypes import CDLL
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyetrace.agent.clock import ToldClock
from dyetrace.agent.dialer import Dialer
from dyetrace.agent.examine import examine
from dyetrace.agent.identity import Membership
from dyetrace.agent.metrics import metrics_address
from dyetrace.agent.outbox import Outbox
from dyetrace.agent.running import run
from dyetrace.agent.server import AgentServer
from dyetrace.agent.spool import Spools
from dyetrace.datapath.linux.driver import LinuxDriver
from dyetrace.datapath.linux.privileges import held, missing
from dyetrace.errors import DyetraceError, InvalidRequest, NotPermitted, exit_status
from dyetrace.inventory.clouds import netns_of_clouds
from dyetrace.model.packet import ColorMap
from dyetrace.model.topology import host_number
from dyetrace.wire.log_lines import begin_log

if TYPE_CHECKING:
    from dyetrace.agent.log_writer import LogWriter

M_ARENA_MAX = -8  # malloc.h
LOG_SPOOL = "log"


def main() -> None:
    """Run with the settings given as one JSON object."""
    _share_one_heap()
    try:
        serve(**json.loads(sys.argv[1]))
    except DyetraceError as error:
        print(f"dyetrace: {error}", file=sys.stderr)  # noqa: T201 - the agent's log
        sys.exit(exit_status(error))


def serve(  # noqa: PLR0913 - an agent's settings, by keyword
    *,
    listen: str,
    host: str | None,
    netns: list[str],
    colors: str,
    ring_kib: int,
    vxlan_ports: list[int],
    uses_clsact: bool,
    idle_exit_s: float | None,
    join: str | None,
    state: str,
    token_file: str | None,
    spool_mib: int,
    metrics: str | None,
    log: tuple[str, list[str]] | None,
    log_partitions: int,
    log_format: str,
) -> None:
    """Serve controllers until stopped; raises InvalidRequest where another agent does."""
    begin_log(log_format, level=logging.INFO, said_by="")
    page_at = metrics_address(metrics) if metrics else None
    path = Path(listen)
    clock = ToldClock.from_environment()
    with _lock_file(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InvalidRequest(f"another agent serves {listen} already") from error
        _say_what_is_missing()
        host = host or socket.gethostname()
        dialer = _joined(join, state=Path(state), host=host, token_file=token_file, path=path)
        driver = LinuxDriver(
            host=host,
            netns=tuple(netns),
            others=tuple if netns else netns_of_clouds,
            colors=ColorMap.parse(colors),
            ring_bytes=ring_kib * 1024,
            vxlan_ports=tuple(vxlan_ports),
            uses_clsact=uses_clsact,
        )
        if idle_exit_s is None:
            driver.discover()  # to know a router before it loses its forwarding
        identity = dialer.member.identity if dialer else None
        spools = Spools.under(Path(state), listen, mib=spool_mib)
        member = dialer.member if dialer else None
        server = AgentServer(
            driver=driver,
            socket=path,
            idle_exit_s=idle_exit_s,
            clock=clock,
            examine=lambda: examine(identity),
            spools=spools,
            log=_log_writer(log, log_partitions, host, member, spools) if log else None,
        )
        run(server, dialer, page_at)


def _say_what_is_missing() -> None:
    """Log what this process has no right to; raises NotPermitted where it could do nothing."""
    lacking = missing(held())
    said = "; ".join(f"without {each.name} {each.without}" for each in lacking)
    if any(each.is_needed for each in lacking):
        raise NotPermitted(f"run as root, or give the agent its capabilities: {said}")
    if lacking:
        logging.getLogger("dyetrace.agent").warning("%s", said)


def _joined(
    controller: str | None, *, state: Path, host: str, token_file: str | None, path: Path
) -> Dialer | None:
    """Join a controller, if one is given, by a process that takes its libraries with it."""
    if controller is None:
        return None
    member = Membership(controller=controller, state=state)
    try:
        member.address  # noqa: B018 - raises
    except ValueError as error:
        raise InvalidRequest(f"--join: {error}") from error
    settings = {
        "controller": controller,
        "state": str(state),
        "host": host,
        "token_file": token_file,
        "renews": False,
    }
    command = [sys.executable, "-m", "dyetrace.agent.enrol", json.dumps(settings)]
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    if ended.returncode:
        sys.exit(ended.returncode)
    return Dialer(member=member, agent_socket=path)


def _log_writer(
    log: tuple[str, list[str]],
    partitions: int,
    host: str,
    member: Membership | None,
    spools: Spools,
) -> "LogWriter":
    """Make what writes into the record log; its libraries are loaded only where there is one."""
    from dyetrace.agent.log_writer import LogWriter
    from dyetrace.transport.nats.connecting import Credentials, Region

    credentials = None
    if member is not None and any(url.startswith("tls://") for url in log[1]):
        credentials = Credentials(
            certificate=member.identity, key=member.identity, authority=member.authority
        )
    name, servers = log
    return LogWriter(
        region=Region(name=name, servers=servers, user=host, credentials=credentials),
        partitions=partitions,
        host=host_number(host),
        outbox=Outbox(spools.again(LOG_SPOOL)),
    )


def _share_one_heap() -> None:
    """Have threads allocate where all do: glibc gives each a heap, and keeps them when they end."""
    with suppress(AttributeError):  # another C library
        CDLL(None).mallopt(M_ARENA_MAX, 1)


def _lock_file(socket_path: Path) -> Any:  # noqa: ANN401 - an open file
    try:
        socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return socket_path.with_suffix(".lock").open("w", encoding="utf-8")
    except OSError as error:
        kind = NotPermitted if isinstance(error, PermissionError) else InvalidRequest
        raise kind(f"--listen {socket_path}: {error.strerror}") from error


if __name__ == "__main__":
    main()
