"""Agents of a lab cloud that join a controller from networks of their own."""

import subprocess
from contextlib import ExitStack
from typing import Self

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.namespaces import prefix_of
from support.diagnosis import eventually
from support.far_away import FarAway
from support.service import DYETRACE, Service


class FarAgents:
    """One agent and one cable for each host of a cloud, for the length of a block."""

    def __init__(self, cloud: Cloud, service: Service) -> None:
        self._cloud, self._service = cloud, service
        self._folder = service.folder
        self._stack = ExitStack()
        self.networks: dict[str, FarAway] = {}
        self.agents: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def join(self, *hosts: str) -> None:
        """Join all these hosts, and wait until they are in."""
        for host in hosts:
            self.networks[host] = FarAway()
            self._stack.callback(self.networks[host].remove)
        for host in hosts:
            self.start(host)
        self.wait_in(*hosts)

    def wait_in(self, *hosts: str) -> None:
        """Wait until these are in."""
        for host in hosts:
            eventually(self.socket_of(host).exists, within_s=30, what=f"{host} to be in")

    def start(self, host: str, *token_for: str) -> None:
        """Start an agent with a token of its own."""
        gate = self._service.folder / "gate" / "reached-at"
        port = gate.read_text().strip().rpartition(":")[2]
        far = self.networks[host]
        token = self._folder / f"{host}.token"
        made = self._service.cli("gate", "token", *token_for)
        assert made.returncode == 0, made.stderr
        token.write_text(made.stdout)
        with (self._folder / f"{host}.log").open("a") as log:
            agent = subprocess.Popen(
                far.argv(
                    *(*DYETRACE, "agent", "--join", f"{far.here}:{port}"),
                    *("--token-file", str(token), "--host", host),
                    *("--state", str(self._folder / host)),
                    *("--listen", str(self._folder / f"{host}.sock")),
                    *("--netns", f"{prefix_of(self._cloud.name)}{host}.*"),
                ),
                stdout=log, stderr=log,
            )  # fmt: skip
        self.agents[host] = agent
        self._stack.callback(agent.wait)
        self._stack.callback(agent.terminate)

    def start_anew(self, host: str) -> None:
        """End an agent, and have the next one join by a token that names its host."""
        self.agents[host].terminate()
        self.agents[host].wait()
        self.start(host, "--host", host)
        self.wait_in(host)

    def log(self, host: str) -> str:
        """What a host's agent has said."""
        return (self._folder / f"{host}.log").read_text()

    def socket_of(self, host: str):
        """Where the controller speaks to a host that is in."""
        return self._folder / "gate" / "agents" / f"{host}.sock"
