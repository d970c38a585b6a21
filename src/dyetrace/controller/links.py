"""This controller's links to all agents, and the one log of what comes by them."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from dyetrace.analyzer.answering import TaskAnalyzer
from dyetrace.analyzer.embedded import EmbeddedAnalyzer
from dyetrace.analyzer.sorted_records import SortedRecords
from dyetrace.controller.known import Known
from dyetrace.controller.link import AgentLink
from dyetrace.controller.survey import Survey
from dyetrace.inventory.clouds import AgentAddress, Cloud
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.transport.in_process import InProcessLog
from dyetrace.transport.log import RecordLog, Shipment
from dyetrace.wire.messages import Records, SessionId

if TYPE_CHECKING:  # what it needs is loaded where there is a log
    from dyetrace.analyzer.logged import LogReader

GATHER_S = 0.01  # after the first shipment, for those of other hosts


def new_session() -> SessionId:
    """Name a session that nobody else has."""
    return secrets.token_hex(16)


@dataclass(slots=True, kw_only=True)
class Links:
    """One link an agent, whatever the number of tasks."""

    session: SessionId = field(default_factory=new_session)
    is_resumable: bool = False  # a process of this session may come again, and go on
    why_out: Callable[[str], str] = lambda _: ""  # of a host that the gate has sent away
    log: RecordLog = field(default_factory=InProcessLog)
    log_reader: "LogReader | None" = None  # records are in a log that others analyse
    records: SortedRecords = field(init=False)
    known: Known = field(default_factory=Known)
    standing: Survey = field(default_factory=Survey)
    _is_to_sort: bool = False
    _links: dict[tuple[str, Path], AgentLink] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Read the log for all tasks."""
        self.records = SortedRecords(self.log)

    def to(self, agent: AgentAddress) -> AgentLink:
        """Give the link to an agent; it is not opened here."""
        key = (agent.host, agent.socket)
        if key not in self._links:
            self._links[key] = AgentLink(
                name=agent.host,
                socket=agent.socket,
                on_records=self._take,
                session=self.session,
                # By a gate a connection can be cut; on this machine its end is its owner's.
                is_resumable=self.is_resumable or agent.is_certified,
                is_certified=agent.is_certified,
                why_out=self.why_out,
                on_host=self.known.saw,
            )
            if self.log_reader is not None:
                link = self._links[key]
                link.log_partitions = self.log_reader.partitions
                link.read_inspections = self.log_reader.inspections
        return self._links[key]

    def analyzer_of(
        self, task_id: TaskId, topology: Topology, *, is_begun_here: bool
    ) -> TaskAnalyzer:
        """Give who analyses a task's records, once it is attended to."""
        if self.log_reader is None:
            return EmbeddedAnalyzer(topology=topology, records=self.records, task_id=task_id)
        return self.log_reader.analyzer_of(task_id, topology, is_begun_here=is_begun_here)

    async def survey(self, cloud: Cloud, *, is_urgent: bool = False) -> Survey:
        """Know all hosts of the cloud, as they were lately; where that is urgent, as they are."""
        self.serve(cloud)
        await self.standing.catch_up(is_urgent=is_urgent)
        return self.standing

    def serve(self, cloud: Cloud) -> None:
        """Go by what this cloud's agents and inventory say from now on."""
        if cloud is not self.known.cloud:
            self.known.serve(cloud)
            self.standing.of({agent.host: self.to(agent) for agent in cloud.agents})

    async def close(self) -> None:
        """Disconnect from all; each then lets go of what this controller had asked for."""
        await self.standing.close()
        links, self._links = list(self._links.values()), {}
        await asyncio.gather(*(link.close() for link in links))

    def _take(self, link: AgentLink, records: Records) -> None:
        self.log.append(
            0,
            Shipment(
                host=link.number,
                blob=records.blob,
                records=records.records,
                drop_names=records.drop_names,
                symbols=records.symbols,
            ),
        )
        if not self._is_to_sort:
            self._is_to_sort = True
            asyncio.get_running_loop().call_later(GATHER_S, self._sort)

    def _sort(self) -> None:
        self._is_to_sort = False
        self.records.catch_up()
