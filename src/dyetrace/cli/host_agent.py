"""This host's own agent: started when needed, gone when idle."""

import fcntl
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from dyetrace.errors import AgentUnreachable
from dyetrace.inventory.clouds import AgentAddress, Cloud

RUN = Path("/run/dyetrace")
SOCKET = RUN / "agent.sock"
STARTING = RUN / "agent.starting"
LOG = RUN / "agent.log"
IDLE_EXIT_S = "60"
START_WITHIN_S = 10.0
POLL_S = 0.02


def host_cloud() -> Cloud:
    """Make sure that this host's agent runs, and give the cloud of this one host.

    An agent is a process of its own, one a host: the programs of two would
    take each other's colors off. Raises AgentUnreachable.
    """
    try:
        RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
        with STARTING.open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # of two that need it at once, one starts it
            if not answers(SOCKET):
                _start()
    except OSError as error:
        raise AgentUnreachable(f"this host's agent cannot be started: {error}") from error
    return Cloud(name="host", agents=(AgentAddress(host=socket.gethostname(), socket=SOCKET),))


def answers(path: Path) -> bool:
    """Whether somebody listens on a socket."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def _start() -> None:
    command = [sys.executable, "-m", "dyetrace", "agent", "--listen", str(SOCKET)]
    idle_exit_s = os.environ.get("DYETRACE_AGENT_IDLE_S", IDLE_EXIT_S)
    with LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--idle-exit", idle_exit_s],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if answers(SOCKET):
            return
        if process.poll() is not None:
            break
        time.sleep(POLL_S)  # its socket is the only sign of readiness there is
    process.terminate()
    said = LOG.read_text(encoding="utf-8").strip().splitlines()
    why = said[-1].removeprefix("dyetrace: ") if said else f"see {LOG}"
    raise AgentUnreachable(f"this host's agent did not start: {why}")
