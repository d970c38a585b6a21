"""A host of a test's own: its network, mounts and processes are nobody else's.

So a whole-host agent sees only what the test has built, `dyetrace` finds only
the test's clouds, and whatever is left behind is the test's own fault.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from support.diagnosis import eventually

STATE = "/run/dyetrace-state"
# Its first process takes in orphans, as init does.
FIRST = f"""
mount -t tmpfs own /run && mkdir -p /run/netns /run/dyetrace {STATE} && ip link set dev lo up &&
exec {sys.executable} -c '
import signal, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
print("ready", flush=True)
sys.stdin.read()'
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


class OwnHost:
    """Processes in namespaces that end with the test."""

    def __init__(self) -> None:
        self._unshare = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
             "sh", "-ec", FIRST],
            stdin=subprocess.PIPE,  # its end, however the test ends, ends this host
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._started: list[subprocess.Popen[str]] = []
        assert self._unshare.stdout is not None
        assert self._unshare.stdout.readline().strip() == b"ready"
        self.first = children(self._unshare.pid)[0]

    def argv(self, *argv: str) -> list[str]:
        """What runs a program on this host."""
        return ["nsenter", f"--target={self.first}", "--net", "--mount", "--pid",
                f"--wdns={self.folder}", "--", *argv]  # fmt: skip

    @property
    def folder(self) -> Path:
        """Where programs on this host begin."""
        return Path.cwd()

    def run(
        self, *argv: str, env: Mapping[str, str] | None = None, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        return subprocess.run(
            self.argv(*argv), input=stdin, capture_output=True, text=True, check=False,
            timeout=60, env=environment(env),
        )  # fmt: skip

    def do(self, *argv: str, stdin: str | None = None) -> str:
        """Run a program that must succeed, and give its output."""
        done = self.run(*argv, stdin=stdin)
        assert done.returncode == 0, f"{argv}: {done.stderr or done.stdout}\n{stdin or ''}"
        return done.stdout

    def ip(self, *lines: str, netns: str | None = None) -> None:
        """Run lines of `ip`, in a namespace if named."""
        where = ("-netns", netns) if netns else ()
        self.do("ip", *where, "-batch", "-", stdin="\n".join(lines) + "\n")

    @contextmanager
    def dropping(self, family: str, rule: str, *, netns: str | None = None) -> Iterator[None]:
        """Have what a rule matches dropped where packets are forwarded."""
        where = ("ip", "netns", "exec", netns) if netns else ()
        chain = f"type filter hook forward priority 0\n{rule}"
        ruleset = f"table {family} guard {{\nchain block {{\n{chain}\n}}\n}}\n"
        self.do(*where, "nft", "-f", "-", stdin=ruleset)
        try:
            yield
        finally:
            self.do(*where, "nft", "delete", "table", family, "guard")

    def plug(self, bridge: str, name: str, address: str) -> None:
        """Plug a new namespace into a bridge: port to-NAME, device eth0."""
        self.ip(
            f"netns add {name}",
            f"link add to-{name} type veth peer name eth0 netns {name}",
            f"link set to-{name} master {bridge} up",
        )
        self.ip(f"addr add {address} dev eth0", "link set eth0 up", "link set lo up", netns=name)

    def start(self, *argv: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start a program; it is killed at the end, if it still runs."""
        process = subprocess.Popen(
            self.argv(*argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment(env),
        )  # fmt: skip
        self._started.append(process)
        return process

    def dyetrace(
        self, *arguments: str, env: Mapping[str, str] | None = None, user: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line."""
        return self.run(*user, sys.executable, "-m", "dyetrace", *arguments, env=env)

    def start_dyetrace(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[str]":
        """Start the command line."""
        return self.start(sys.executable, "-m", "dyetrace", *arguments, env=env)

    def answer(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Run `dyetrace ... -o json` and read what it prints."""
        done = self.dyetrace(*arguments, "-o", "json")
        assert done.returncode == status, done.stderr + done.stdout
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def ping(self, netns: str, address: str) -> None:
        """Send 200 echo requests a second from a namespace until the test ends."""
        self.start("ip", "netns", "exec", netns, "ping", "-q", "-i", "0.005", "-w", "900", address)

    def processes(self, *words: str) -> list[int]:
        """List this host's processes with these words in their command line."""
        mine = Path(f"/proc/{self.first}/ns/pid").readlink()
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                with suppress(OSError):
                    line = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    is_mine = (entry / "ns/pid").readlink() == mine and line[0] != "nsenter"
                    if is_mine and all(word in line for word in words):
                        found.append(int(entry.name))
        return found

    def agents(self) -> list[int]:
        """List this host's agents."""
        return self.processes("dyetrace.agent")

    def links(self) -> int:
        """Count the BPF links that processes of this host hold: what is attached."""
        return sum(map(links_of, self.processes()))

    def state_of(self, task_id: str = "") -> str:
        """Read a task's state, or the latest's, from its row: the commands would tidy up first."""
        query = "select state from tasks where id like ? order by opened_at desc limit 1"
        script = (
            f"import sqlite3; store = sqlite3.connect('{STATE}/dyetrace.db'); "
            f"print(*store.execute('{query}', ['{task_id}%']).fetchone() or ())"
        )
        return self.run(sys.executable, "-Sc", script).stdout.strip()

    def wait_for(self, *states: str, task_id: str = "") -> None:
        """Wait until a task, or the latest, is in one of these states."""
        eventually(lambda: self.state_of(task_id) in states, what=f"a task to be {states}")

    def close(self) -> None:
        """End everything."""
        for process in self._started:
            process.kill()  # first: what nobody reaps would keep the namespace
        os.kill(self.first, signal.SIGKILL)  # and with it all processes of its namespace
        self._unshare.wait()
        for process in self._started:
            process.communicate()
        assert self._unshare.stdout is not None
        self._unshare.stdout.close()
        if self._unshare.stdin is not None:
            self._unshare.stdin.close()


def environment(more: Mapping[str, str] | None) -> dict[str, str]:
    """What commands get: a store of their own, nothing of the developer's settings."""
    plain = {name: value for name, value in os.environ.items() if "DYETRACE" not in name}
    return {**plain, "DYETRACE_STATE": STATE, **(more or {})}


def children(pid: int) -> list[int]:
    """List a process's children."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def inner(process: "subprocess.Popen[str]") -> int:
    """Give the pid of a started program itself: `nsenter` stands before it."""
    return int(eventually(lambda: children(process.pid), what="the program to start")[0])


def send(process: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Send a signal to a started program."""
    os.kill(inner(process), number)


def links_of(pid: int) -> int:
    """Count the BPF links that a process holds; none once it is gone."""
    count = 0
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            with suppress(OSError):
                count += entry.read_text().startswith("link_type:") or "\nlink_type:" in (
                    entry.read_text()
                )
    return count
