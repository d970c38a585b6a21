"""All agents of a cloud, spoken to at once for one task."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

from dyetrace.analysis.losses import HostReport
from dyetrace.controller.links import Links
from dyetrace.controller.part import Part
from dyetrace.errors import AgentUnreachable, DyetraceError, NoSource, UnknownEndpoint
from dyetrace.inventory.clouds import Cloud
from dyetrace.inventory.merge import Conflict
from dyetrace.model.policy import ColorCounts, Plan
from dyetrace.model.task import Task, TaskId
from dyetrace.model.topology import Host, Topology
from dyetrace.planning.plan import plan


class Fleet:
    """The agents of one cloud. An agent that fails is down for the rest of the task."""

    def __init__(self, cloud: Cloud, *, task_id: TaskId, links: Links | None = None) -> None:
        """Take the addresses; nothing is connected yet. Without links it has its own."""
        self._cloud = cloud
        self._owns_links = links is None
        self.links = links if links is not None else Links()
        self.news = asyncio.Event()
        self.parts = [
            Part(task_id=task_id, link=self.links.to(agent), news=self.news)
            for agent in cloud.agents
        ]
        self._planned: set[int] = set()  # the hosts that have something to do
        self.notes: list[str] = []
        self.conflicts: tuple[Conflict, ...] = ()  # between inventory and agents

    async def open(self, *, is_taken_up: bool = False) -> Topology:
        """Connect to every agent; raises AgentUnreachable if none answers.

        is_taken_up: an earlier process had begun with the task, and what it saw comes again.
        """
        for part in self.parts:
            part.began_after = 0 if is_taken_up else part.link.received
        outcomes = await asyncio.gather(
            *(part.open_again() if is_taken_up else part.open() for part in self.parts),
            return_exceptions=True,
        )
        errors = [error for error in outcomes if isinstance(error, BaseException)]
        for error in errors:
            if not isinstance(error, DyetraceError):
                raise error
            self.notes.append(str(error))
        if not any(part.is_up for part in self.parts):
            raise AgentUnreachable(
                "; ".join(self.notes) or f"cloud {self._cloud.name} has no agents"
            )
        for part in self.parts:
            self.notes.extend(f"{part.name}: {note}" for note in part.notes)
        hosts = tuple(part.host for part in self.parts if part.host.number)
        _refuse_number_clashes(hosts)
        known = self.links.known(self._cloud, hosts)
        self.conflicts = known.conflicts
        return known.topology

    def begin(self, hosts: Iterable[int], on_note: Callable[[str], None]) -> None:
        """Count losses from now on, and tell when a connection to these hosts goes or comes."""
        self._planned = set(hosts)
        for part in self.parts:
            if part.host.number in self._planned:
                part.note = on_note
            part.set_out()

    def widen(self, hosts: Iterable[int]) -> None:
        """More hosts have something to do."""
        self._planned |= set(hosts)

    def was_begun_on(self, hosts: Iterable[int]) -> None:
        """An earlier process of this controller had LOG stand on these hosts."""
        wanted = set(hosts)
        for part in self.parts:
            if part.host.number in wanted:
                part.was_begun()

    def plan(self, task: Task, topology: Topology, *, also: frozenset[int] = frozenset()) -> Plan:
        """Plan a task for the hosts that answered; also: hosts to log at though out of reach.

        Raises what planning raises; AgentUnreachable where that may be for want of a host.
        """
        try:
            return plan(task, topology, also=also)
        except (NoSource, UnknownEndpoint) as error:
            silent = [part.name for part in self.parts if not part.host.number]
            if not silent:
                raise
            raise AgentUnreachable(
                f"{error}. It may be on a host whose agent does not answer: {', '.join(silent)}"
            ) from error

    async def close(self) -> None:
        """The task is over; what its verdict needed is not kept any longer.

        Links of its own are closed, and each agent then lets go of all.
        """
        for part in self.parts:
            part.close()
        if self._owns_links:
            await self.links.close()
            return
        for part in self.parts:
            part.link.acknowledge()

    def up(self, hosts: Iterable[int] | None = None) -> list[Part]:
        """The agents that live; of these hosts, or of all that have something to do."""
        wanted = self._planned if hosts is None else set(hosts)
        return [part for part in self.parts if part.is_up and part.host.number in wanted]

    def reachable(self) -> list[Part]:
        """Those that can be asked, also where they have missed something."""
        return [
            part
            for part in self.parts
            if part.link.is_up and part.host.number and part.host.number in self._planned
        ]

    async def each(
        self, parts: Iterable[Part], act: Callable[[Part], Awaitable[object]]
    ) -> dict[str, DyetraceError]:
        """Do something with several agents at once; returns the errors by host name."""
        chosen = list(parts)
        outcomes = await asyncio.gather(*(act(part) for part in chosen), return_exceptions=True)
        failed: dict[str, DyetraceError] = {}
        for part, outcome in zip(chosen, outcomes, strict=True):
            if isinstance(outcome, DyetraceError):
                failed[part.name] = outcome
            elif isinstance(outcome, BaseException):
                raise outcome
        return failed

    def coloring(self) -> dict[int, ColorCounts]:
        """How the task's coloring goes, by host number, as last heard."""
        return {part.host.number: part.colored for part in self.parts if part.colored is not None}

    def reports(
        self, not_installed: Iterable[str], *, lost: Mapping[int, int]
    ) -> dict[int, HostReport]:
        """What is known of each host's part in a task; lost: records, after they had left it."""
        lacking = set(not_installed)
        return {
            part.host.number or -position: _with_lost(
                part.report(
                    is_in_scope=not part.host.number or part.host.number in self._planned,
                    is_installed=part.name not in lacking,
                ),
                lost.get(part.host.number, 0),
            )
            for position, part in enumerate(self.parts, start=1)
        }


def _with_lost(report: HostReport, records: int) -> HostReport:
    return replace(report, records_lost=report.records_lost + records)


def _refuse_number_clashes(hosts: Iterable[Host]) -> None:
    named: dict[int, str] = {}
    for host in hosts:
        other = named.setdefault(host.number, host.name)
        if host.number and other != host.name:
            raise AgentUnreachable(
                f"hosts {other} and {host.name} share the number {host.number}: rename one"
            )
