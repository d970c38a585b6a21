"""A lab cloud, its controller and its agents, as processes that can be harmed at any stage."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import httpx

from dyetrace.lab import agents as lab_agents
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import UnderlayLoss
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
# Between cn-1 and cn-3, so that what befalls one of them befalls a source and a receiver.
WAYS = (("blue-web", "blue-db"), ("green-db", "green-web"))
_sizes = count(64)
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


def traffic(cloud: Cloud, source: str, destination: str) -> Any:
    """Send 200 packets a second, which look like no other flow's."""
    looks = {"protocol": "udp", "family": 4, "size": next(_sizes)}
    return flowing(cloud, source, destination, rate=200, duration=90, **looks)


def carried_out(
    harmed: Harmed,
    harm: Callable[[Any, Any], None] = lambda *_: None,
    stage: str = "ready",
) -> list[tuple[dict[str, Any], Report]]:
    """Trace both ways, do harm at a stage, and give each way's end and its receiver's report."""
    with ExitStack() as stack:
        flows = [stack.enter_context(traffic(harmed.cloud, *way)) for way in WAYS]
        names = [harmed.begun(filter=between(*way)) for way in WAYS]
        for name in names:
            harmed.reach(name, stage)
        if stage == "tracing":
            let_pass(flows[-1], 100)  # half a second of its two
        harm(harmed, flows[-1])
        ends = [harmed.ended(name) for name in names]
        return [(end, flow.stop()) for end, flow in zip(ends, flows, strict=True)]


def undisturbed_facts(harmed: Harmed) -> dict[str, Any]:
    """Tell what the answers say that nothing has disturbed: the same both ways."""
    (one, seen), (other, also_seen) = carried_out(harmed)
    assert (one["verdict"], one["total"]) == ("DELIVERED", PACKETS), one["summary"]
    assert (seen.lost, also_seen.lost) == (0, 0)
    assert facts(one) == facts(other)
    return facts(one)


def undisturbed_facts_of_loss(harmed: Harmed) -> dict[str, Any]:
    """Tell it of packets that vanish, which takes longer to collect."""
    with broken(harmed.cloud):
        (one, _), (other, _) = carried_out(harmed)
    assert (one["verdict"], one["lost"]) == ("LOST", PACKETS), one["summary"]
    assert facts(one) == facts(other)
    return facts(one)


@contextmanager
def broken(cloud: Cloud) -> Iterator[None]:
    """Have packets vanish between the two hosts."""
    try:
        for source, destination in (("cn-1", "cn-3"), ("cn-3", "cn-1")):
            cloud.inject(UnderlayLoss(source=source, destination=destination))
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
