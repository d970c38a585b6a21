"""A task held in state tracing: what the controller does, without an end."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from dyetrace.controller.fleet import Fleet
from dyetrace.controller.links import Links
from dyetrace.controller.part import LEASE_NS
from dyetrace.inventory.clouds import Cloud, load_cloud
from dyetrace.model.filter import PacketFilter
from dyetrace.model.policy import Plan
from dyetrace.model.task import Limits, Task, TaskId
from dyetrace.wire.messages import Color, Done, Flush, Log, Remove, Request

RequestFor = Callable[[int], Request]
"""What to tell the agent of a host, by its number."""


class Controller:
    """Sets and lifts policies through the agents, as a Diagnosis does, when told to."""

    def __init__(self, cloud: Cloud, links: Links) -> None:
        self._cloud, self._links = cloud, links
        self._fleets: dict[TaskId, Fleet] = {}
        self.topology = links.known.atlas.topology(links.known.atlas.host_by_number)

    @classmethod
    @asynccontextmanager
    async def of(cls, cloud: str) -> "AsyncIterator[Controller]":
        """Connect to a lab cloud's agents."""
        links, found = Links(), load_cloud(cloud)
        try:
            await links.survey(found)
            yield cls(found, links)
        finally:
            await links.close()

    @asynccontextmanager
    async def tracing(self, wanted: PacketFilter, limits: Limits) -> AsyncIterator[Task]:
        """LOG at every edge port, COLOR at the source; both are gone afterwards."""
        task = Task(
            id=secrets.randbits(63) | 1, wanted=wanted, limits=limits, opened_at=datetime.now(UTC)
        )
        fleet = self._fleets[task.id] = Fleet(self._cloud, task=task, links=self._links)
        try:
            placed, _ = await fleet.open()
            fleet.begin(placed.log, lambda _: None)
            await _install(fleet, task, placed)
            yield task
        finally:
            await _tell_all(fleet, lambda _: Remove(request=0, task_id=task.id))
            await fleet.close()

    def colored(self, task: Task) -> int:
        """Count what the task has had colored so far."""
        coloring = self._fleets[task.id].coloring()
        return sum(counts.colored for counts in coloring.values())


async def _install(fleet: Fleet, task: Task, placed: Plan) -> None:
    await _tell_all(
        fleet,
        lambda host: Log(request=0, task_id=task.id, policy=placed.log[host], lease_ns=LEASE_NS),
    )
    await _tell_all(fleet, lambda _: Flush(request=0))
    for part in fleet.up():
        part.begin()  # so that its lease is renewed
    for part in fleet.up(placed.color):
        policy = placed.color[part.host.number]
        await part.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)


async def _tell_all(fleet: Fleet, request_for: RequestFor) -> None:
    failed = await fleet.each(
        fleet.up(), lambda part: part.ask(request_for(part.host.number), Done)
    )
    if failed:
        raise RuntimeError(f"agents failed: {failed}")
