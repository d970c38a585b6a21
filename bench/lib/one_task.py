"""What one task takes of a controller that knows a cloud of a given size.

The whole cloud is in the controller's atlas, each host as its agent would describe it;
agents run, in this process, only on the hosts that the tasks have to do with.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from statistics import median
from typing import get_args

from dyetrace.agent.server import AgentServer
from dyetrace.controller import connection
from dyetrace.controller.diagnosis import diagnose
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.links import Links
from dyetrace.controller.survey import Survey
from dyetrace.datapath.simulated.cloud import SimulatedCloud, tenant_of
from dyetrace.datapath.simulated.driver import SimulatedDriver
from dyetrace.datapath.simulated.shape import Shape, Unreliable
from dyetrace.datapath.simulated.sightings import Sightings
from dyetrace.datapath.simulated.traffic import Planted, Traffic
from dyetrace.datapath.simulated.wire import LocalWire
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits, Task
from dyetrace.planning.plan import plan
from dyetrace.wire.messages import Message, Request
from lib.processes import memory_kb

VMS_A_HOST = 24
VFDS_A_HOST = 29  # about
TIMES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class OneTask:
    """The figures of one size; medians of its tasks, and the most that any took."""

    vfds: int
    hosts: int
    namesakes: int  # hosts left out, for another has their number
    known_kib: int  # what knowing the cloud takes
    host_ms: float  # to take in one host that has changed
    plan_ms: float
    tenants_plan_ms: float  # the same asked by its tenant
    planned_hosts: float
    most_planned_hosts: int
    planned_vfds: float
    told_hosts: float  # that were sent anything
    messages: float
    sent_kib: float
    most_sent_kib: float
    verdict_s: float
    right: int  # verdicts with the planted cause
    tasks: int


class NobodyAsked(Survey):
    """A survey of a cloud that is known already: nobody is asked, and somebody is there."""

    @property
    def is_any_up(self) -> bool:
        """Say that it is."""
        return True

    async def catch_up(self, *, is_urgent: bool) -> None:
        """Ask nobody."""


def shape_of(vfds: int) -> Shape:
    """Describe a cloud of about so many VFDs."""
    hosts = max(6, vfds // VFDS_A_HOST)
    return Shape(hosts=hosts, vms=hosts * VMS_A_HOST)


def measured(vfds: int, *, tasks: int, folder: Path) -> dict[str, float]:
    """Measure one size; the process should be a fresh one."""
    return asdict(asyncio.run(_measured(vfds, tasks=tasks, folder=folder)))


async def _measured(vfds: int, *, tasks: int, folder: Path) -> OneTask:
    traffic = Traffic(SimulatedCloud(shape_of(vfds)), tasks)
    cloud, planted = traffic.cloud, traffic.planted
    for made in (cloud.vms_by_host, cloud.vm_by_port, cloud.vfds):
        assert made
    before = memory_kb("self", "VmRSS")
    links = Links(standing=NobodyAsked())
    links.serve(Cloud(name="simulated", agents=_agents(cloud, folder)))
    for host in range(cloud.shape.hosts):
        links.known.saw(cloud.host(host))
    known_kib = memory_kb("self", "VmRSS") - before
    atlas = links.known.atlas
    asked = [_task(each) for each in planted]
    plans = [plan(task, atlas) for task in asked]
    logging = {number for one in plans for number in one.log}
    passed = {stop.host for each in planted for stop in (*each.way, *each.ended)}
    index = {cloud.number_of[host]: host for host in range(cloud.shape.hosts)}
    found = []
    async with _agents_on({index[number] for number in logging} | passed, traffic, folder):
        for each, task in zip(planted, asked, strict=True):
            found.append(await _diagnosed(links, task, each))
        await links.close()
    owned = [
        replace(task, tenant=tenant_of(each.flow.source.network))
        for each, task in zip(planted, asked, strict=True)
    ]
    return OneTask(
        vfds=atlas.vfds,
        hosts=len(atlas.host_by_number),
        namesakes=len(links.known.left_out),
        known_kib=known_kib,
        host_ms=1000 * median(_taken(links, cloud, host) for host in range(20)),
        plan_ms=1000 * median(_quickest(lambda task=task: plan(task, atlas)) for task in asked),
        tenants_plan_ms=1000
        * median(_quickest(lambda task=task: plan(task, atlas)) for task in owned),
        planned_hosts=median(len(one.log) for one in plans),
        most_planned_hosts=max(len(one.log) for one in plans),
        planned_vfds=median(
            len({port[:2] for policy in one.log.values() for port in policy.ports}) for one in plans
        ),
        told_hosts=median(one.hosts for one in found),
        messages=median(one.messages for one in found),
        sent_kib=median(one.sent for one in found) / 1024,
        most_sent_kib=max(one.sent for one in found) / 1024,
        verdict_s=median(one.took_s for one in found),
        right=sum(one.is_right for one in found),
        tasks=len(found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Diagnosed:
    hosts: int
    messages: int
    sent: int
    took_s: float
    is_right: bool


async def _diagnosed(links: Links, task: Task, planted: Planted) -> _Diagnosed:
    """Carry a task out, and count what the controller says to agents; they share its process."""
    sent: Counter[str] = Counter()
    framed = connection.frames.framed

    def counted(message: Message) -> bytes:
        data = framed(message)
        if type(message).__name__ in REQUESTS:
            sent["messages"] += 1
            sent["bytes"] += len(data)
        return data

    began = time.perf_counter()
    fleet = Fleet(links.known.cloud, task=task, links=links)
    connection.frames.framed = counted
    try:
        wanted, topology = await fleet.open()
        verdict = await diagnose(
            task,
            fleet=fleet,
            topology=topology,
            wanted=wanted,
            on_state=lambda _: None,
            on_progress=lambda _: None,
            is_cancelled=lambda: False,
        )
        hosts = len(fleet.parts)
    finally:
        await fleet.close()
        connection.frames.framed = framed
    said = verdict.findings[0].cause.code if verdict.findings else ""
    return _Diagnosed(
        hosts=hosts,
        messages=sent["messages"],
        sent=sent["bytes"],
        took_s=time.perf_counter() - began,
        is_right=said == planted.cause,
    )


REQUESTS = frozenset(kind.__name__ for kind in get_args(Request))


def _taken(links: Links, cloud: SimulatedCloud, host: int) -> float:
    """Take in a host that is described anew."""
    described = cloud.host(host % cloud.shape.hosts)
    began = time.perf_counter()
    links.known.saw(described)
    return time.perf_counter() - began


def _quickest(what) -> float:  # noqa: ANN001 - anything that can be called
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        what()
        took.append(time.perf_counter() - began)
    return min(took)


def _task(planted: Planted) -> Task:
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
        limits=Limits(packet_count=20, trace_time=timedelta(seconds=30)),
        opened_at=datetime.now(UTC),
    )


def _agents(cloud: SimulatedCloud, folder: Path) -> tuple[AgentAddress, ...]:
    return tuple(
        AgentAddress(host=cloud.host_name(host), socket=folder / f"{host}.sock")
        for host in range(cloud.shape.hosts)
    )


@asynccontextmanager
async def _agents_on(hosts: set[int], traffic: Traffic, folder: Path) -> AsyncIterator[None]:
    wire, sightings = LocalWire(), Sightings(traffic.cloud)
    servers = []
    for host in sorted(hosts):
        driver = SimulatedDriver(
            host, traffic=traffic, sightings=sightings, wire=wire, unreliable=Unreliable()
        )
        wire.takers[host] = driver.take
        servers.append(AgentServer(driver=driver, socket=folder / f"{host}.sock"))
    running = [asyncio.create_task(server.serve()) for server in servers]
    try:
        while not all(server.socket.exists() for server in servers):  # noqa: ASYNC110 - files
            await asyncio.sleep(0.01)
        yield
    finally:
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
