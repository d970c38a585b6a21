"""A task held in state tracing: what the controller does, without an end."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from dyetrace.controller.diagnosis import LEASE_NS
from dyetrace.controller.fleet import Fleet
from dyetrace.inventory.clouds import load_cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.policy import Plan
from dyetrace.model.task import Limits, Task
from dyetrace.model.topology import Topology
from dyetrace.planning.plan import plan
from dyetrace.transport.in_process import InProcessLog
from dyetrace.wire.messages import Color, Done, Flush, Log, Remove, Request

RequestFor = Callable[[int], Request]
"""What to tell the agent of a host, by its number."""


class Controller:
    """Sets and lifts policies through the agents, as a Diagnosis does, when told to."""

    def __init__(self, fleet: Fleet, topology: Topology) -> None:
        self._fleet = fleet
        self.topology = topology

    @classmethod
    @asynccontextmanager
    async def of(cls, cloud: str) -> "AsyncIterator[Controller]":
        """Connect to a lab cloud's agents."""
        fleet = Fleet(load_cloud(cloud), log=InProcessLog())
        try:
            yield cls(fleet, await fleet.open())
        finally:
            await fleet.close()

    @asynccontextmanager
    async def tracing(self, wanted: PacketFilter, limits: Limits) -> AsyncIterator[Task]:
        """LOG at every edge port, COLOR at the source; both are gone afterwards."""
        task = Task(
            id=secrets.randbits(63) | 1, wanted=wanted, limits=limits, opened_at=datetime.now(UTC)
        )
        placed = plan(task, self.topology)
        try:
            await self._install(task, placed)
            yield task
        finally:
            await self._tell_all(lambda _: Remove(request=0, task_id=task.id))

    def colored(self, task: Task) -> int:
        """Count what the task has had colored so far."""
        return sum(coloring.colored for coloring in self._fleet.coloring(task.id).values())

    async def _install(self, task: Task, placed: Plan) -> None:
        await self._tell_all(
            lambda host: Log(request=0, task_id=task.id, policy=placed.log[host], lease_ns=LEASE_NS)
        )
        await self._tell_all(lambda _: Flush(request=0))
        for link in self._fleet.up(placed.color):
            policy = placed.color[link.host.number]
            await link.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)

    async def _tell_all(self, request_for: RequestFor) -> None:
        failed = await self._fleet.each(
            self._fleet.up(), lambda link: link.ask(request_for(link.host.number), Done)
        )
        if failed:
            raise RuntimeError(f"agents failed: {failed}")
