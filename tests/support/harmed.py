"""A lab cloud, its controller and its agents, as processes that can be harmed at any stage."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dyetrace.lab import agents as lab_agents
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import FabricRouteMissing
from dyetrace.lab.namespaces import existing
from dyetrace.lab.traffic import Report, flowing
from support.attached import tcx_programs
from support.diagnosis import eventually
from support.own_host import links_of
from support.service import Service

PACKETS, RATE = 60, 30  # two seconds of coloring


def between(source: str, destination: str) -> dict[str, str]:
    """Filter what one VM sends another."""
    return {"srcVM_ID": source, "dstVM_ID": destination, "protocol": "udp"}


ASKED = {
    "filter": between("blue-web", "blue-db"),
    "packet_count": PACKETS,
    "packets_per_second": RATE,
    "trace_time": 30,
}
BEYOND_LEASE_S = 25.0  # color 10 s, LOG 8 s more, and a slow machine


@dataclass
class Harmed:
    """The processes by their names, and one controller with its clients."""

    cloud: Cloud
    service: Service
    agents: dict[str, lab_agents.Agent] = field(default_factory=dict)
    stack: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.agents = self.agents or {agent.host: agent for agent in self.cloud.agents}

    def begun(self, **changes: Any) -> str:
        """Start a task."""
        with self.service.client() as client:
            added = client.post("/v1/traces", json=ASKED | changes)
        assert added.status_code == 202, added.text
        return added.json()["id"]

    def reach(self, name: str, stage: str) -> None:
        """Wait until a task is at a stage; at tracing, until it has colored."""
        states = ["new", "ready", "tracing", "collecting", "done"]

        def is_there():
            state = self.told(name).get("state", "done")  # an answer has none
            assert state in states, self.told(name)
            return states.index(state) >= states.index(stage)

        eventually(is_there, within_s=20, what=f"{name} to be {stage}")

    def told(self, name: str) -> dict[str, Any]:
        """What the API says of a task."""
        with self.service.client() as client:
            return client.get(f"/v1/traces/{name}").json()

    def ended(self, name: str, *, within_s: float = 60.0) -> dict[str, Any]:
        """Wait for a task's end, whatever it is, through times when nobody answers."""
        deadline = time.monotonic() + within_s
        with self.service.client() as client:
            while time.monotonic() < deadline:
                with suppress(httpx.TransportError):
                    told = client.get(f"/v1/traces/{name}")
                    if told.status_code == 200:
                        return told.json()
                time.sleep(0.05)  # nobody tells
        raise AssertionError(f"task {name} has not ended: {self.told(name)}\n{self.service.log()}")

    def kill_agent(self, host: str) -> None:
        """End an agent as the kernel does when memory is short."""
        agent = self.agents[host]
        handle = lab_agents.open_exactly(agent)
        assert handle is not None
        lab_agents.send(handle, signal.SIGKILL)
        assert lab_agents.ended(handle, within_s=10)
        os.close(handle)
        lab_agents.reap(agent.pid)

    def start_agent(self, host: str) -> None:
        """Start an agent that has ended, at its old place."""
        started = lab_agents.start(self.cloud.name, host)
        self.stack.callback(lab_agents.stop, [started])
        lab_agents.wait_ready(started, deadline=time.monotonic() + 20)
        self.agents[host] = started

    def signal_agent(self, host: str, number: signal.Signals) -> None:
        """Freeze an agent, or let it go on."""
        os.kill(self.agents[host].pid, number)

    def attached(self) -> int:
        """Count programs, by the kernel's own lists: on devices, and held by agents."""
        on_devices = sum(map(tcx_programs, existing(self.cloud.name)))
        return on_devices + sum(links_of(agent.pid) for agent in self.agents.values())

    def nothing_is_left(self) -> None:
        """Wait until nothing is attached anywhere, and nothing kept for anybody."""
        eventually(
            lambda: not self.attached(), within_s=BEYOND_LEASE_S, what="the programs to be gone"
        )


def traffic(cloud: Cloud, source: str = "blue-web", destination: str = "blue-db") -> Any:
    """Send 200 packets a second."""
    return flowing(cloud, source, destination, protocol="udp", family=4, rate=200, duration=90)


def carried_out(
    harmed: Harmed,
    harm: Callable[[Any, Any], None] = lambda *_: None,
    stage: str = "ready",
    **changes: Any,
) -> tuple[dict[str, Any], Report]:
    """Trace while packets flow, do harm at a stage, and give the end and the receiver's report."""
    with traffic(harmed.cloud) as flow:
        name = harmed.begun(**changes)
        harmed.reach(name, stage)
        if stage == "tracing":
            let_pass(flow, 100)  # half a second of its two
        harm(harmed, flow)
        ended = harmed.ended(name)
        return ended, flow.stop()


def undisturbed_answer(harmed: Harmed) -> dict[str, Any]:
    """Give the answer that nothing has disturbed."""
    answer, report = carried_out(harmed)
    assert answer["verdict"] == "DELIVERED", answer["summary"]
    assert (answer["total"], report.lost) == (PACKETS, 0)
    return answer


def undisturbed_loss_answer(harmed: Harmed) -> dict[str, Any]:
    """Give the one of packets that vanish, which takes longer to collect."""
    with broken(harmed.cloud):
        answer, _ = carried_out(harmed)
    assert answer["verdict"] == "LOST", answer["summary"]
    return answer


@contextmanager
def broken(cloud: Cloud) -> Iterator[None]:
    """Have packets vanish between hosts."""
    cloud.inject(FabricRouteMissing())
    try:
        yield
    finally:
        cloud.heal()


def facts(answer: dict[str, Any]) -> dict[str, Any]:
    """What must not depend on what befell the processes."""
    return {
        "verdict": answer["verdict"],
        "total": answer["total"],
        "lost": answer["lost"],
        "codes": [finding["code"] for finding in answer["findings"]],
        "undetermined": answer["undetermined"],
        "records": answer["cost"]["records"],
        "records_lost": answer["cost"]["records_lost"],
    }


def let_pass_by(flow: Any, packets: int = 400) -> None:
    """Let some two seconds pass, by what is sent in them, whether or not it arrives."""
    sent = flow.report().sent
    eventually(lambda: flow.report().sent >= sent + packets, within_s=20, what="packets")


def let_pass(flow: Any, packets: int = 200) -> None:
    """Let some time pass, by the packets that pass in it."""
    seen = flow.report().received
    eventually(lambda: flow.report().received >= seen + packets, within_s=20, what="packets")


def spool_of(agent: lab_agents.Agent) -> Path:
    """Where an agent of the lab keeps what it could not hand over."""
    name = str(agent.socket).strip("/").replace("/", "_")
    return Path("/var/lib/dyetrace/agent/spool") / name
