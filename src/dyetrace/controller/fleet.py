"""The agents that a task has to do with, spoken to at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from dyetrace.analysis.losses import HostReport
from dyetrace.controller.link import AgentLink
from dyetrace.controller.links import Links
from dyetrace.controller.part import Part
from dyetrace.controller.survey import Survey
from dyetrace.errors import (
    AgentUnreachable,
    AmbiguousEndpoint,
    DyetraceError,
    NoSource,
    UnknownEndpoint,
)
from dyetrace.inventory.clouds import Cloud
from dyetrace.inventory.merge import Conflict
from dyetrace.model.packet import Address
from dyetrace.model.policy import ColorCounts, Plan
from dyetrace.model.task import Task
from dyetrace.model.topology import Topology
from dyetrace.planning.plan import plan

MOST_ROUNDS = 4  # of planning, while hosts turn out to be otherwise than was known
MOST_NAMED = 10


class Fleet:
    """The agents in one task's reach. An agent that fails is down for the rest of the task."""

    def __init__(self, cloud: Cloud, *, task: Task, links: Links | None = None) -> None:
        """Take the addresses; nothing is connected yet. Without links it has its own."""
        self._cloud, self._task = cloud, task
        self._owns_links = links is None
        self.links = links if links is not None else Links()
        self.news = asyncio.Event()
        self._parts: dict[str, Part] = {}  # by host
        self._survey = Survey()
        self._planned: set[int] = set()  # the hosts that have something to do
        self._on_note: Callable[[str], None] = lambda _: None
        self.notes: list[str] = []

    @property
    def parts(self) -> tuple[Part, ...]:
        """The hosts' parts in the task."""
        return tuple(self._parts.values())

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What inventory and agents contradict each other in."""
        return self.links.known.conflicts

    async def open(self, *, is_taken_up: bool = False) -> tuple[Plan, Topology]:
        """Connect to the agents in reach and plan, with what these hosts are like now.

        Raises what planning raises, and AgentUnreachable if no agent answers. is_taken_up: an
        earlier process had begun with the task, and what it saw comes again.
        """
        if is_taken_up:  # its reach is known once they have come again
            self.links.serve(self._cloud)
            await self._open([self.links.to(agent) for agent in self._cloud.agents], again=True)
        self._survey = await self.links.survey(self._cloud)
        if not self._survey.is_any_up:
            said = "; ".join([*self.notes, *self._survey.unknown.values()])
            raise AgentUnreachable(said or f"cloud {self._cloud.name} has no agents")
        wanted = await self._planned_anew()
        for _ in range(MOST_ROUNDS):
            if not await self._reach(wanted.log):
                break
            wanted = await self._planned_anew()
        self._leave_out(set(wanted.log))
        return wanted, self.topology(wanted.log)

    def topology(self, hosts: Iterable[int]) -> Topology:
        """Cut these hosts out of what is known of the cloud."""
        return self.links.known.atlas.topology(hosts)

    @property
    def hosts_by_underlay_address(self) -> Mapping[Address, int]:
        """Numbers of all hosts, in reach or not, by where encapsulated packets go."""
        return self.links.known.atlas.hosts_by_underlay_address

    async def join(self, hosts: Iterable[int]) -> None:
        """Connect to more hosts' agents."""
        await self._reach(hosts)
        for part in self.parts:
            part.note = self._on_note

    async def _planned_anew(self) -> Plan:
        """Plan; what nobody knows may be new: then everybody is asked."""
        try:
            return plan(self._task, self.links.known.atlas)
        except (NoSource, UnknownEndpoint, AmbiguousEndpoint):
            await self.links.survey(self._cloud, is_urgent=True)
            return self.plan()

    async def _reach(self, hosts: Iterable[int]) -> bool:
        """Open what parts are lacking; says whether their hosts differ from what was known."""
        known = self.links.known.atlas.host_by_number
        before = {number: known[number] for number in hosts if number in known}
        lacking = [host.name for host in before.values() if host.name not in self._parts]
        await self._open([self._survey.link(name) for name in lacking], again=False)
        return any(known.get(number) is not host for number, host in before.items())

    async def _open(self, links: Iterable[AgentLink], *, again: bool) -> None:
        opened = [
            Part(task_id=self._task.id, link=link, news=self.news, host=link.host) for link in links
        ]
        for part in opened:
            part.began_after = 0 if again else part.link.received
            self._parts[part.name] = part
        outcomes = await asyncio.gather(
            *(part.open_again() if again else part.open() for part in opened),
            return_exceptions=True,
        )
        for part, outcome in zip(opened, outcomes, strict=True):
            if isinstance(outcome, DyetraceError):
                part.is_absent()
                self.notes.append(str(outcome))
            elif isinstance(outcome, BaseException):
                raise outcome
            self.notes.extend(f"{part.name}: {note}" for note in part.notes)

    def _leave_out(self, planned: set[int]) -> None:
        """Close parts that turned out to have nothing to do."""
        for name, part in tuple(self._parts.items()):
            if part.host.number not in planned and not part.is_held:
                part.close()
                part.link.acknowledge()
                del self._parts[name]

    def begin(self, hosts: Iterable[int], on_note: Callable[[str], None]) -> None:
        """Count losses from now on, and tell when a connection to these hosts goes or comes."""
        self._planned, self._on_note = set(hosts), on_note
        for part in self.parts:
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

    def plan(self, *, also: frozenset[int] = frozenset()) -> Plan:
        """Plan the task as the cloud is known now; also: hosts to log at though out of reach.

        Raises what planning raises; AgentUnreachable where that may be for want of a host.
        """
        try:
            return plan(self._task, self.links.known.atlas, also=also)
        except (NoSource, UnknownEndpoint) as error:
            silent = sorted(self._survey.unknown)
            if not silent:
                raise
            raise AgentUnreachable(
                f"{error}. It may be on a host whose agent does not answer: {_some(silent)}"
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
        self, not_installed: Iterable[str], topology: Topology, *, lost: Mapping[int, int]
    ) -> dict[int, HostReport]:
        """What is known of each host's part in a task, also of those that have none.

        lost: records, after they had left their host.
        """
        lacking = set(not_installed)
        others = {
            host.number: HostReport(number=host.number, name=host.name, is_in_scope=False)
            for host in topology.hosts
        }
        return others | {
            part.host.number: _with_lost(
                part.report(
                    is_in_scope=part.host.number in self._planned,
                    is_installed=part.name not in lacking,
                ),
                lost.get(part.host.number, 0),
            )
            for part in self.parts
        }


def _with_lost(report: HostReport, records: int) -> HostReport:
    return replace(report, records_lost=report.records_lost + records)


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
