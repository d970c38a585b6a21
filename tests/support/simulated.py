"""A simulated cloud's agents in this process: real sockets and messages, computed packets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from dyetrace.agent.server import AgentServer
from dyetrace.controller.diagnosis import diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.driver import SimulatedDriver
from dyetrace.datapath.simulated.shape import Shape, Unreliable
from dyetrace.datapath.simulated.sightings import Sightings
from dyetrace.datapath.simulated.traffic import Planted, Traffic
from dyetrace.datapath.simulated.wire import LocalWire
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits, Task
from support.fake_agents import is_ready, until

SMALL = Shape(hosts=10, vms=120, hosts_per_gateway=5)


def drivers_of(traffic, *, unreliable=None, now_ns=None):
    """Drivers of all hosts, wired to each other."""
    wire, sightings = LocalWire(), Sightings(traffic.cloud)
    clock = {} if now_ns is None else {"now_ns": now_ns}
    made = [
        SimulatedDriver(
            host,
            traffic=traffic,
            sightings=sightings,
            wire=wire,
            unreliable=unreliable or Unreliable(),
            **clock,
        )
        for host in range(traffic.cloud.shape.hosts)
    ]
    wire.takers.update({driver.host: driver.take for driver in made})
    return made


def task_for(planted: Planted, **limits) -> Task:
    """The task that an operator would make of a complaint about this flow."""
    flow = planted.flow.five_tuple
    return Task(
        id=planted.number + 1,
        wanted=PacketFilter(
            src_vm=planted.flow.source.name,
            dst=ip_network(flow.dst),
            protocol=Protocol(flow.protocol),
            src_port=flow.src_port,
            dst_port=flow.dst_port,
        ),
        limits=Limits(**({"packet_count": 20, "trace_time": timedelta(seconds=10)} | limits)),
        opened_at=datetime.now(UTC),
    )


@dataclass
class Simulated:
    """A cloud of agents that can be asked for a verdict."""

    traffic: Traffic
    cloud: Cloud

    spoken_to: dict[int, set[str]] = field(default_factory=dict)  # hosts, by the flow's number

    async def diagnose(self, planted: Planted):
        task = task_for(planted)
        fleet = Fleet(self.cloud, task=task)
        try:
            wanted, topology = await fleet.open()
            return await diagnose(
                task,
                fleet=fleet,
                topology=topology,
                wanted=wanted,
                on_state=lambda _: None,
                on_progress=lambda _: None,
                is_cancelled=lambda: False,
            )
        finally:
            self.spoken_to[planted.number] = {part.name for part in fleet.parts}
            await fleet.close()


@asynccontextmanager
async def simulated(
    folder, *, flows: int, shape=SMALL, unreliable=None
) -> AsyncIterator[Simulated]:
    """Run the agents of a simulated cloud for the length of a block."""
    traffic = Traffic(SimulatedCloud(shape), flows)
    servers = [
        AgentServer(driver=driver, socket=folder / f"{driver.host}.sock")
        for driver in drivers_of(traffic, unreliable=unreliable)
    ]
    running = [asyncio.create_task(server.serve()) for server in servers]
    try:
        await until(lambda: all(map(is_ready, servers)))
        agents = tuple(
            AgentAddress(host=traffic.cloud.host_name(host), socket=server.socket)
            for host, server in enumerate(servers)
        )
        yield Simulated(traffic, Cloud(name="simulated", agents=agents))
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
