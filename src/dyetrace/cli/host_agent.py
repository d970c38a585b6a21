"""This host's own agent: started when needed, gone when idle."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from dyetrace.errors import AgentUnreachable
from dyetrace.inventory.clouds import AgentAddress, Cloud

RUN = Path("/run/dyetrace")
SOCKET = RUN / "agent.sock"
LOG = RUN / "agent.log"
IDLE_EXIT_S = 60
START_WITHIN_S = 10.0
POLL_S = 0.02


def host_cloud() -> Cloud:
    """Make sure that this host's agent runs, and give the cloud of this one host.

    An agent is a process of its own, one a host: the programs of two would
    take each other's colors off.
    """
    if not _answers():
        _start()
    return Cloud(name="host", agents=(AgentAddress(host=socket.gethostname(), socket=SOCKET),))


def _answers() -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(SOCKET))
        except OSError:
            return False
    return True


def _start() -> None:
    RUN.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "dyetrace", "agent", "--listen", str(SOCKET)]
    with LOG.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, "--idle-exit", str(IDLE_EXIT_S)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline:
        if _answers():
            return
        if process.poll() is not None:
            break
        time.sleep(POLL_S)  # its socket is the only sign of readiness there is
    process.terminate()
    said = LOG.read_text(encoding="utf-8").strip().splitlines()
    raise AgentUnreachable(f"this host's agent did not start: {said[-1] if said else f'see {LOG}'}")
