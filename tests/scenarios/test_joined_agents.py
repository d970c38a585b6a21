"""A lab cloud whose agents join by TLS: same verdicts, also when connections and agents end."""

import os
import re
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from dyetrace.cli.run import run_task
from dyetrace.inventory.clouds import load_cloud
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import RouteMissing
from dyetrace.lab.namespaces import prefix_of
from dyetrace.lab.traffic import flowing
from dyetrace.model.task import TaskState
from support.attached import tcx_programs
from support.diagnosis import eventually, explained, filter_of, limits

PROGRAM = (sys.executable, "-m", "dyetrace")


class Wire:
    """Between agents and gate: carries bytes, and can end the connections that do."""

    def __init__(self, port):
        self.target = ("127.0.0.1", port)
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.pairs = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with suppress(OSError):
            while True:
                agent, _ = self.listening.accept()
                gate = socket.create_connection(self.target)
                self.pairs.append((agent, gate))
                for source, sink in ((agent, gate), (gate, agent)):
                    threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source, sink):
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def break_off(self):
        """End all connections; new ones are carried."""
        pairs, self.pairs = self.pairs, []
        for each in (end for pair in pairs for end in pair):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def end(self):
        self.listening.close()
        for each in (end for pair in self.pairs for end in pair):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


class Joined:
    """A lab cloud without agents of its own, a gate, and an agent for each host that joins it."""

    def __init__(self, name, folder):
        self.folder = folder
        self.cloud = Cloud.up("three-hosts", name=name, agents=False)
        self.stack = ExitStack()
        self.stack.callback(self.cloud.down)
        self.state = folder / "controller"
        self.controller = self._start(
            *("up", "--cloud", "none", "--joined", f"{name}-joined", "--state", str(self.state)),
            *("--listen", "127.0.0.1:0", "--gate", "127.0.0.1:0"),
            log="up",
        )
        said = eventually(
            lambda: re.search(r"agent --join \S+:(\d+)", self.log("up")), what="the gate to open"
        )
        self.port = int(said[1])
        self.agents = {}

    def log(self, name):
        return (self.folder / f"{name}.log").read_text()

    def _start(self, *command, log):
        with (self.folder / f"{log}.log").open("a") as file:
            process = subprocess.Popen([*PROGRAM, *command], stdout=file, stderr=file)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        return process

    def start_agent(self, host, *, port=0):
        at = f"127.0.0.1:{port or self.port}"
        token = self.folder / f"{host}.token"
        if not token.exists():
            command = [*PROGRAM, "gate", "token", "--at", at, "--state", str(self.state)]
            made = subprocess.run(command, capture_output=True, text=True, check=True)
            assert f"dyetrace agent --join {at}" in made.stderr
            token.write_text(made.stdout)
        self.agents[host] = self._start(
            *("agent", "--join", at, "--token-file", str(token), "--host", host),
            *("--state", str(self.folder / host), "--listen", str(self.folder / f"{host}.sock")),
            *("--netns", f"{prefix_of(self.cloud.name)}{host}.*"),
            log=host,
        )

    def socket_of(self, host):
        return self.state / "gate" / "agents" / f"{host}.sock"

    def wait_in(self, host):
        eventually(self.socket_of(host).exists, within_s=30, what=f"{host} to be in")

    def trace(self, wanted, *, store, packets=20, time_s=8.0):
        """Trace by the cloud that the gate registered, with the lab's names of vNICs."""
        agents = load_cloud(f"{self.cloud.name}-joined").agents
        return run_task(
            wanted,
            limits(packets, time_s=time_s),
            cloud=replace(load_cloud(self.cloud.name), agents=agents),
            store=store,
            on_progress=lambda _: None,
        )


@pytest.fixture
def joined(tmp_path):
    made = Joined(f"t{os.getpid()}-join", tmp_path)
    with made.stack:
        yield made


def all_in(joined, *, through=None):
    for host in joined.cloud.description.hosts:
        joined.start_agent(host, port=through.port if through and host == "cn-3" else 0)
    for host in joined.cloud.description.hosts:
        joined.wait_in(host)


def traced_in_background(joined, wanted, store, **settings):
    answers = []
    tracer = threading.Thread(
        target=lambda: answers.append(joined.trace(wanted, store=store, **settings))
    )
    tracer.start()
    return tracer, answers


def wait_for_coloring(flow, store):
    eventually(
        lambda: [task for task in store.list() if task.state is TaskState.TRACING],
        what="tracing to begin",
    )
    seen = flow.report().received
    eventually(lambda: flow.report().received > seen + 100, what="some packets to be traced")


def test_joined_agents_find_what_agents_of_this_machine_find(joined, store):
    all_in(joined)
    wanted = filter_of(joined.cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(joined.cloud, "blue-web", "blue-db", rate=200, duration=30) as flow:
        works = joined.trace(wanted, store=store)
        assert flow.stop().lost == 0
    joined.cloud.inject(RouteMissing())
    with flowing(joined.cloud, "blue-web", "blue-db", rate=200, duration=30) as flow:
        broken = joined.trace(wanted, store=store)
        report = flow.stop()
    joined.cloud.heal()

    assert works["verdict"] == "DELIVERED", explained(works)
    assert report.received == 0
    assert broken["verdict"] == "LOST", explained(broken)
    assert broken["findings"][0]["code"] == "VPC_ROUTE_MISSING", explained(broken)
    assert not attached_to(joined.cloud)
    assert not re.search(r"cryptography|_rust", mapped_by(joined.agents["cn-1"].pid))


def test_a_joined_agent_that_is_killed_comes_again_without_a_token(joined, store):
    all_in(joined)
    wanted = filter_of(joined.cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(joined.cloud, "blue-web", "blue-db", rate=200, duration=60) as flow:
        tracer, answers = traced_in_background(joined, wanted, store, packets=600, time_s=4.0)
        wait_for_coloring(flow, store)
        joined.agents["cn-3"].kill()
        eventually(lambda: not joined.socket_of("cn-3").exists(), what="cn-3 to be out")
        joined.start_agent("cn-3")
        joined.wait_in("cn-3")
        tracer.join()
        again = joined.trace(wanted, store=store)
        assert flow.stop().lost == 0

    assert answers[0]["verdict"] == "UNDETERMINED", explained(answers[0])
    assert {each["code"] for each in answers[0]["undetermined"]} == {"AGENT_DOWN"}
    assert again["verdict"] == "DELIVERED", explained(again)


def test_a_connection_that_breaks_and_comes_again_costs_nothing(joined, store):
    wire = Wire(joined.port)
    joined.stack.callback(wire.end)
    all_in(joined, through=wire)
    wanted = filter_of(joined.cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(joined.cloud, "blue-web", "blue-db", rate=200, duration=60) as flow:
        tracer, answers = traced_in_background(joined, wanted, store, packets=600, time_s=20.0)
        wait_for_coloring(flow, store)
        wire.break_off()
        tracer.join()
        assert flow.stop().lost == 0

    assert answers[0]["verdict"] == "DELIVERED", explained(answers[0])
    assert (answers[0]["total"], answers[0]["cost"]["records_lost"]) == (600, 0)
    assert joined.log("cn-3").count("connected as host cn-3") == 2
    eventually(lambda: not attached_to(joined.cloud), what="the programs to be gone")


def attached_to(cloud):
    """Count the programs on devices of a cloud."""
    prefix = prefix_of(cloud.name)
    names = [each.name for each in Path("/run/netns").iterdir() if each.name.startswith(prefix)]
    assert names
    return sum(map(tcx_programs, names))


def mapped_by(pid):
    return Path(f"/proc/{pid}/maps").read_text()
