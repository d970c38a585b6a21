"""A cloud of agents in this process: real sockets and messages, data planes in memory."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from dyetrace.agent.server import AgentServer
from dyetrace.agent.spool import Spools
from dyetrace.controller.diagnosis import diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.links import Links
from dyetrace.datapath.driver import Batch
from dyetrace.inventory.clouds import AgentAddress, Cloud
from support.builders import DB, WEB, a_host, across_hosts, rows
from support.fake_driver import FakeDriver


@dataclass
class Agents:
    """Two hosts' agents: web's and db's."""

    drivers: dict[str, FakeDriver]
    cloud: Cloud
    running: dict[str, "asyncio.Task[None]"]
    servers: dict[str, AgentServer] = field(default_factory=dict)
    states: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    is_cancelled: bool = False
    links: Links | None = None  # of a controller that has many tasks

    @property
    def web(self) -> FakeDriver:
        return self.drivers["cn-1"]

    @property
    def db(self) -> FakeDriver:
        return self.drivers["cn-2"]

    async def kill(self, host: str) -> None:
        """End an agent; its connections go with it."""
        self.running[host].cancel()
        with suppress(asyncio.CancelledError):
            await self.running[host]

    async def diagnose(self, task):
        """Carry a task out as the command line does."""
        fleet = Fleet(self.cloud, task=task, links=self.links)
        try:
            wanted, topology = await fleet.open()
            return await diagnose(
                task,
                fleet=fleet,
                topology=topology,
                wanted=wanted,
                on_state=lambda state: self.states.append(state.value),
                on_progress=lambda progress: self.notes.append(progress.text),
                is_cancelled=lambda: self.is_cancelled,
            )
        finally:
            await fleet.close()

    async def nothing_is_held(self) -> bool:
        """Wait until no agent logs or colors."""
        await until(lambda: not any(each.logged or each.coloring for each in self.drivers.values()))
        return True


@asynccontextmanager
async def two_agents(folder, **settings) -> AsyncIterator[Agents]:
    """Run two agents for the length of a block."""
    drivers = {
        "cn-1": FakeDriver(a_host(1, "web", WEB), **settings),
        "cn-2": FakeDriver(a_host(2, "db", DB)),
    }
    servers = {
        name: AgentServer(
            driver=driver,
            socket=folder / f"{name}.sock",
            spools=Spools(folder=folder / f"{name}.spool"),
        )
        for name, driver in drivers.items()
    }
    running = {name: asyncio.create_task(server.serve()) for name, server in servers.items()}
    await until(lambda: all(map(is_ready, servers.values())))
    cloud = Cloud(
        name="test",
        agents=tuple(
            AgentAddress(host=name, socket=server.socket) for name, server in servers.items()
        ),
    )
    agents = Agents(drivers, cloud, running, servers)
    try:
        yield agents
    finally:
        for name in running:
            await agents.kill(name)


async def until(condition: Callable[[], object], *, within_s: float = 10.0) -> None:
    """Let the others run until a condition holds; fail when the deadline passes."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - fakes tell nobody what they were told
            await asyncio.sleep(0)


def is_ready(server: AgentServer) -> bool:
    """Whether it serves: it takes the socket for itself last."""
    return server.socket.exists() and stat.S_IMODE(server.socket.stat().st_mode) == 0o600


def delivered(policy) -> Batch:
    """The records of packets that all arrive, from both hosts at once."""
    count = policy.limits.packet_count
    records = [
        record
        for digest in range(1, count + 1)
        for record in across_hosts(digest=digest, start_ns=digest * 10_000)
    ]
    for record in records:
        if record.get("task_id"):
            record["task_id"] = policy.task_id
    return Batch(records=rows(*records))
