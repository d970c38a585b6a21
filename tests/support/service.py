"""`dyetrace up` as a process of its own, and clients of it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from support.diagnosis import eventually

DYETRACE = [sys.executable, "-m", "dyetrace"]


class Service:
    """A controller that serves a lab cloud, with a state folder of its own."""

    def __init__(self, cloud, folder: Path, *arguments: str) -> None:
        self.folder, self._cloud, self._arguments = folder, cloud, arguments
        self.environment = {
            name: value for name, value in os.environ.items() if "DYETRACE" not in name
        } | {"DYETRACE_STATE": str(folder)}
        self.process: subprocess.Popen[str] | None = None
        self.url, self.said = "", ""

    def start(self) -> "Service":
        """Start it, and wait until it has said where it is."""
        command = [*DYETRACE, "up", "--listen", "127.0.0.1:0", "--gate", "127.0.0.1:0"]
        if self._cloud is not None:
            command += ["--cloud", self._cloud.name, "--joined", f"{self._cloud.name}-joined"]
        with (self.folder / "up.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, *self._arguments],
                env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        watchdog = threading.Timer(45, self.process.kill)
        watchdog.start()
        self.said = self.process.stdout.readline() + self.process.stdout.readline()
        watchdog.cancel()
        watchdog.join()
        found = re.search(r"at (https?://\S+)\n", self.said)
        assert found, self.said + self.log()
        self.url = found[1]
        return self

    def log(self) -> str:
        """What it said on stderr."""
        return (self.folder / "up.log").read_text()

    def end(self, number: signal.Signals) -> int:
        """Send a signal and wait for the end."""
        self.process.send_signal(number)
        status = self.process.wait(timeout=20)
        self.process.stdout.close()
        return status

    def close(self) -> None:
        """End it however it is."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        self.process.stdout.close()

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line with its state folder."""
        return subprocess.run(
            [*DYETRACE, *arguments],
            env=self.environment, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def token(self, name: str, *arguments: str) -> str:
        """Make a token."""
        done = self.cli("token", "create", name, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def token_file(self) -> Path:
        """Where the operator's token is."""
        return self.folder / "operator.token"

    def client(self, token: str | None = None) -> httpx.Client:
        """A client with a token; the operator's, if none is given."""
        token = token or self.token_file.read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)


def answered(client: httpx.Client, name: str, *, within_s: float = 30.0) -> dict:
    """Wait for a task's answer."""

    def answer():
        told = client.get(f"/v1/traces/{name}")
        return told.json() if told.status_code == 200 else None

    return eventually(answer, within_s=within_s, what=f"an answer to {name}")


def attached(cloud) -> int:
    """Count the BPF links that the agents of a cloud hold."""
    from support.own_host import links_of

    return sum(links_of(agent.pid) for agent in cloud.agents)


def events_of(text: str) -> list[tuple[str, dict]]:
    """Read a stream of server-sent events."""
    found = []
    for block in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found
