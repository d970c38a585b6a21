"""All agents of a cloud, spoken to at once."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from dyetrace.analysis.losses import HostReport
from dyetrace.controller.link import AgentLink
from dyetrace.errors import AgentUnreachable, DyetraceError, NoSource, UnknownEndpoint
from dyetrace.inventory.clouds import Cloud
from dyetrace.inventory.merge import Conflict, merge
from dyetrace.inventory.overlay import apply_inventory
from dyetrace.model.policy import ColorCounts, Plan
from dyetrace.model.task import Task, TaskId
from dyetrace.model.topology import Host, Topology
from dyetrace.planning.plan import plan
from dyetrace.transport.log import RecordLog, Shipment
from dyetrace.wire.messages import Records


class Fleet:
    """The agents of one cloud. An agent that fails is down for the rest of the task."""

    def __init__(self, cloud: Cloud, *, log: RecordLog) -> None:
        """Take the addresses; nothing is connected yet."""
        self._cloud = cloud
        self._log = log
        self.links = [
            AgentLink(
                name=agent.host,
                socket=agent.socket,
                on_records=self._take,
                is_certified=agent.is_certified,
            )
            for agent in cloud.agents
        ]
        self.notes: list[str] = []
        self.conflicts: tuple[Conflict, ...] = ()  # between inventory and agents

    async def open(self) -> Topology:
        """Connect to every agent; raises AgentUnreachable if none answers."""
        outcomes = await asyncio.gather(
            *(link.open() for link in self.links), return_exceptions=True
        )
        errors = [error for error in outcomes if isinstance(error, BaseException)]
        for error in errors:
            if not isinstance(error, DyetraceError):
                raise error
            self.notes.append(str(error))
        if not any(link.is_up for link in self.links):
            raise AgentUnreachable(
                "; ".join(self.notes) or f"cloud {self._cloud.name} has no agents"
            )
        for link in self.links:
            self.notes.extend(f"{link.name}: {note}" for note in link.notes)
        hosts = tuple(
            apply_inventory(link.host, self._cloud.nics)
            if link.host.name
            else Host(number=0, name=link.name)
            for link in self.links
        )
        _refuse_number_clashes(hosts)
        inventory = self._cloud.inventory
        merged = merge(inventory, (host for host in hosts if host.number))
        self.conflicts = merged.conflicts
        return Topology(
            hosts=merged.hosts,
            nics=(*self._cloud.nics.values(), *(entry.nic for entry in inventory.nics)),
        )

    def plan(self, task: Task, topology: Topology) -> Plan:
        """Plan a task for the hosts that answered.

        Raises what planning raises; AgentUnreachable where that may be for want of a host.
        """
        try:
            return plan(task, topology)
        except (NoSource, UnknownEndpoint) as error:
            silent = [link.name for link in self.links if not link.host.number]
            if not silent:
                raise
            raise AgentUnreachable(
                f"{error}. It may be on a host whose agent does not answer: {', '.join(silent)}"
            ) from error

    async def close(self) -> None:
        """Disconnect from all; each then lets go of what this controller had asked for."""
        await asyncio.gather(*(link.close() for link in self.links))

    def up(self, hosts: Iterable[int] | None = None) -> list[AgentLink]:
        """The agents that live; of these hosts, if given."""
        wanted = None if hosts is None else set(hosts)
        return [
            link
            for link in self.links
            if link.is_up and (wanted is None or link.host.number in wanted)
        ]

    async def each(
        self, links: Iterable[AgentLink], act: Callable[[AgentLink], Awaitable[object]]
    ) -> dict[str, DyetraceError]:
        """Do something with several agents at once; returns the errors by host name."""
        chosen = list(links)
        outcomes = await asyncio.gather(*(act(link) for link in chosen), return_exceptions=True)
        failed: dict[str, DyetraceError] = {}
        for link, outcome in zip(chosen, outcomes, strict=True):
            if isinstance(outcome, DyetraceError):
                failed[link.name] = outcome
            elif isinstance(outcome, BaseException):
                raise outcome
        return failed

    def coloring(self, task_id: TaskId) -> dict[int, ColorCounts]:
        """How the task's coloring goes, by host number, as last heard."""
        return {
            link.host.number: link.health.colored[task_id]
            for link in self.links
            if task_id in link.health.colored
        }

    def reports(self, task_id: TaskId, not_installed: Iterable[str]) -> dict[int, HostReport]:
        """What is known of each host's part in a task."""
        lacking = set(not_installed)
        counts = self.coloring(task_id)
        return {
            link.host.number or -position: replace(
                _report(link, counts.get(link.host.number, ColorCounts())),
                is_installed=link.name not in lacking,
            )
            for position, link in enumerate(self.links, start=1)
        }

    def _take(self, link: AgentLink, records: Records) -> None:
        self._log.append(
            0,
            Shipment(
                host=link.host.number,
                blob=records.blob,
                drop_names=records.drop_names,
                symbols=records.symbols,
            ),
        )


def _report(link: AgentLink, counts: ColorCounts) -> HostReport:
    now, start = link.health, link.health_at_start
    lost = now.lost_in_ring + now.unreadable - start.lost_in_ring - start.unreadable
    return HostReport(
        number=link.host.number,
        name=link.name,
        is_up=link.is_up,
        records_lost=max(lost, 0),
        colored=counts.colored,
        matched=counts.matched,
        uncolorable=counts.uncolorable,
        already_colored=counts.already_colored,
        clock_uncertainty_ns=link.clock.uncertainty_ns if link.clock else None,
    )


def _refuse_number_clashes(hosts: Iterable[Host]) -> None:
    named: dict[int, str] = {}
    for host in hosts:
        other = named.setdefault(host.number, host.name)
        if host.number and other != host.name:
            raise AgentUnreachable(
                f"hosts {other} and {host.name} share the number {host.number}: rename one"
            )
