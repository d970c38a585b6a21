"""The agents of a lab cloud: one process per host, started detached and ended by exact identity."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from dyetrace.lab.errors import AgentNotReady
from dyetrace.lab.namespaces import prefix_of
from dyetrace.lab.state import CLOUDS

PROGRAM = (sys.executable, "-m", "dyetrace", "agent")
CLOCK_OFFSET = "DYETRACE_AGENT_CLOCK_OFFSET_S"  # read by the agent, for the lab only
READY_WITHIN_S = 10.0
END_WITHIN_S = 5.0
LOOK_EVERY_MS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """A running agent; its start time tells it from a later process with the same pid."""

    host: str
    socket: Path
    netns: tuple[str, ...]
    pid: int
    started: int  # field 22 of /proc/PID/stat: clock ticks since boot

    def entry(self) -> dict[str, Any]:
        """Write the agent the way the product finds it; `started` is the lab's own."""
        return {
            "host": self.host,
            "socket": str(self.socket),
            "netns": list(self.netns),
            "pid": self.pid,
            "started": self.started,
        }

    @classmethod
    def from_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Read an agent from the state."""
        return cls(
            host=entry["host"],
            socket=Path(entry["socket"]),
            netns=tuple(entry["netns"]),
            pid=entry["pid"],
            started=entry["started"],
        )


def log_of(socket: Path) -> Path:
    """Say where the agent that listens here writes its log."""
    return socket.with_suffix(".log")


def start(cloud: str, host: str, *, clock_offset_s: float = 0.0) -> Agent:
    """Start the agent of a host; `wait_ready` says when it can be used.

    clock_offset_s: how far the agent's clock is ahead of the machine's, which all
    hosts of the lab share.
    """
    socket = CLOUDS / cloud / f"{host}.sock"
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    netns = f"{prefix_of(cloud)}{host}.*"
    argv = (
        *PROGRAM,
        *("--host", host, "--netns", netns, "--listen", str(socket)),
    )
    with log_of(socket).open("w") as log:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env=os.environ | {CLOCK_OFFSET: str(clock_offset_s)},
        )
    # The agent outlives this process on purpose; Popen must not warn about that.
    process.returncode = 0
    return Agent(
        host=host,
        socket=socket,
        netns=(netns,),
        pid=process.pid,
        started=start_time(process.pid) or 0,
    )


def wait_ready(agent: Agent, *, deadline: float) -> None:
    """Wait until the agent listens. Raises AgentNotReady if it ends or is too late."""
    handle = open_exactly(agent)
    try:
        poller = select.poll()
        if handle is not None:
            poller.register(handle, select.POLLIN)
        while not agent.socket.exists():
            # A process descriptor becomes readable when the process ends.
            if handle is None or poller.poll(LOOK_EVERY_MS):
                raise AgentNotReady(host=agent.host, why="ended", log=tail(agent))
            if time.monotonic() > deadline:
                raise AgentNotReady(host=agent.host, why="opened no socket", log=tail(agent))
    finally:
        if handle is not None:
            os.close(handle)


def is_running(agent: Agent) -> bool:
    """Whether this very process is there."""
    return start_time(agent.pid) == agent.started


def stop(agents: list[Agent]) -> None:
    """End exactly these processes, gently first, and wait until they are gone."""
    deadline = time.monotonic() + END_WITHIN_S
    handles = [(agent, open_exactly(agent)) for agent in agents]
    for _, handle in handles:
        if handle is not None:
            send(handle, signal.SIGTERM)
    for agent, handle in handles:
        if handle is not None:
            if not ended(handle, within_s=deadline - time.monotonic()):
                send(handle, signal.SIGKILL)
                ended(handle, within_s=END_WITHIN_S)
            os.close(handle)
        reap(agent.pid)
        agent.socket.unlink(missing_ok=True)


def open_exactly(agent: Agent) -> int | None:
    """Open a descriptor of the process, or None if it is gone or its pid is another's now."""
    try:
        handle = os.pidfd_open(agent.pid)
    except ProcessLookupError:
        return None
    # Compared after the opening: what the descriptor holds can no longer change.
    if start_time(agent.pid) == agent.started:
        return handle
    os.close(handle)
    return None


def send(handle: int, number: signal.Signals) -> None:
    """Send a signal to the process held by a descriptor."""
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return


def ended(handle: int, *, within_s: float) -> bool:
    """Wait for the process to end."""
    poller = select.poll()
    poller.register(handle, select.POLLIN)
    return bool(poller.poll(max(0.0, within_s) * 1000))


def reap(pid: int) -> None:
    """Take the exit status of an own child, so that no zombie keeps its pid."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return  # started by another process, and inherited by init


def start_time(pid: int) -> int | None:
    """Read when a process started, or None if there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is a name that may contain anything, so count from its closing bracket.
    return int(stat.rpartition(")")[2].split()[19])


def tail(agent: Agent) -> str:
    """Give the last lines of an agent's log."""
    try:
        return "\n".join(log_of(agent.socket).read_text().splitlines()[-10:])
    except FileNotFoundError:
        return ""


def forget(cloud: str) -> None:
    """Remove the sockets and logs of a cloud's agents."""
    shutil.rmtree(CLOUDS / cloud, ignore_errors=True)
