"""One task from its request to its verdict: the handshake."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial as partial_of

from dyetrace.analysis.judge import Observation, judge
from dyetrace.analysis.losses import HostReport, LossKey, hosts_beyond
from dyetrace.analysis.partial import Alike, Partial
from dyetrace.analyzer.answering import TaskAnalyzer, settled
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.inspections import with_inspections
from dyetrace.controller.part import LEASE_NS, Part
from dyetrace.controller.recheck import with_uncolored
from dyetrace.controller.sites import Sites, with_queues
from dyetrace.errors import AgentUnreachable, DyetraceError, PolicyRefused
from dyetrace.model.policy import Plan
from dyetrace.model.record import Point
from dyetrace.model.site import Queue, SiteEvidence
from dyetrace.model.task import Limits, Task, TaskState
from dyetrace.model.topology import Topology
from dyetrace.model.verdict import Verdict
from dyetrace.wire.messages import (
    Color,
    Done,
    Flush,
    Log,
    Remove,
    StopColor,
    WatchRules,
    Written,
)

TICK_S = 0.1  # at most; what comes is looked at as it comes
GRACE_S = 4.0  # a neighbour is given up after three probes of a second each
CLOSER_LOOK_S = 1.0
CLOSER_LOOK_PACKETS = 3
WIDER_LOOK_S = 5.0
LOG_BACK_WITHIN_S = 15.0  # as long as a connection to an agent is waited for
VANISHED_GRACE_S = 1.0  # for packets that left by a port with nothing in its queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task has come, for those who wait."""

    state: TaskState
    colored: int
    wanted: int
    elapsed_s: float
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUp:
    """How far an earlier process of this controller had come with a task."""

    state: TaskState
    left_s: float  # of its trace time


@dataclass(slots=True, kw_only=True)
class Diagnosis:
    """Carries out one task. The fleet must be open, and is left open."""

    task: Task
    topology: Topology
    fleet: Fleet
    analyzer: TaskAnalyzer
    on_state: Callable[[TaskState], None]
    on_progress: Callable[[Progress], None]
    is_cancelled: Callable[[], bool] = lambda: False
    on_verdict: Callable[[Verdict], None] = lambda _: None
    plan: Plan
    taken_up: TakenUp | None = None
    _probes: int = 0
    _failed: Mapping[str, DyetraceError] = field(default_factory=dict)  # at logging, by host
    _not_installed: tuple[str, ...] = ()
    _queues: Mapping[LossKey, Queue] = field(default_factory=dict)  # before the last records
    _log_patience_s: float = LOG_BACK_WITHIN_S  # in all, where agents cannot reach it
    _state: TaskState = TaskState.NEW
    _began: float = 0.0

    async def run(self) -> Verdict:
        """Trace, and judge. Whatever happens, no policy of the task outlives this call.

        The verdict is told before the policies are let go, which takes its time.
        """
        self._began = time.monotonic()
        wanted = self.plan
        self.fleet.begin(wanted.log, lambda text: self._note([text]))
        try:
            await self.analyzer.begin()
            self._begin_or_go_on(wanted)
            if self._state is TaskState.READY:
                await self._log(wanted)
                self._enter(TaskState.TRACING)
                await self._color(wanted)
            elif self._state is TaskState.TRACING:
                await self._go_on_tracing(wanted)
            if self._state is TaskState.TRACING:
                await self._trace(wanted)
            verdict = await self._collect(wanted)
            self.on_verdict(verdict)
            return verdict
        finally:
            await asyncio.shield(self._remove())

    def _begin_or_go_on(self, wanted: Plan) -> None:
        if self.taken_up is not None and self.taken_up.state is not TaskState.NEW:
            self._state = self.taken_up.state
            self._report("taken up again")
            if self._state is not TaskState.READY:
                self.fleet.was_begun_on(wanted.log)
        else:
            self._enter(TaskState.READY)

    async def _log(self, wanted: Plan) -> None:
        """LOG everywhere first, and only when that stands COLOR: no record without a reader."""

        async def log(part: Part) -> None:
            policy = wanted.log[part.host.number]
            done = await part.ask(
                Log(request=0, task_id=self.task.id, policy=policy, lease_ns=LEASE_NS),
                Done,
                ports=len(policy.ports),
            )
            self._probes += done.probes
            self._note(f"{part.name}: {note}" for note in done.notes)
            part.begin(done.at_start)

        failed = await self.fleet.each(self.fleet.up(wanted.log), log)
        self._note(map(str, failed.values()))
        self._failed = {**self._failed, **failed}
        down = [part.name for part in self.fleet.parts if not part.is_up]
        self._not_installed = (*self._failed, *down)

    async def _color(self, wanted: Plan) -> None:
        """COLOR at the sources that log; raises PolicyRefused or AgentUnreachable if none does."""
        sources = [part for part in self.fleet.up(wanted.color) if part.name not in self._failed]
        refused = await self._colored_at(sources, wanted)
        if len(refused) == len(sources):
            reasons = "; ".join(map(str, [*self._failed.values(), *refused.values()]))
            kind = AgentUnreachable if self._are_gone(wanted.color) else PolicyRefused
            raise kind(f"no source could be colored: {reasons or 'its agents are down'}")
        self._note(map(str, refused.values()))

    async def _colored_at(self, sources: Iterable[Part], wanted: Plan) -> dict[str, DyetraceError]:
        async def color(part: Part) -> None:
            policy = wanted.color[part.host.number]
            done = await part.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)
            self._probes += done.probes

        return await self.fleet.each(sources, color)

    async def _go_on_tracing(self, wanted: Plan) -> None:
        """Say all again to those who hold the task: they may not have heard it all."""
        await self._log(wanted)
        self._note(map(str, (await self._colored_at(self.fleet.up(wanted.color), wanted)).values()))

    def _are_gone(self, hosts: Iterable[int]) -> bool:
        return not self.fleet.up(hosts)

    async def _trace(self, wanted: Plan) -> None:
        """Wait until enough is colored, time is over, or nobody colors any more."""
        left_s = self.task.limits.trace_time.total_seconds()
        if self.taken_up is not None:
            left_s = min(left_s, self.taken_up.left_s)
        deadline = time.monotonic() + left_s
        while (
            time.monotonic() < deadline
            and self._colored() < self.task.limits.packet_count
            and self.fleet.up(wanted.color)
            and not self.is_cancelled()
        ):
            await self._tick()
        self._enter(TaskState.COLLECTING)

    async def _collect(self, wanted: Plan) -> Verdict:
        """Wait for packets in flight, look at the places of loss, and judge."""
        partial = await self._gathered(wanted)
        strays = self._beyond(partial, wanted)
        if strays and not self.is_cancelled():
            partial = await self._looked_wider(strays) or partial
            self._beyond(partial, wanted)
        found = partial.of_task(self.task.id)
        await self.fleet.join(_hosts_of(found))  # others may have had LOG stand there
        await self._sites.settle(found)
        reports = self.fleet.reports(self._not_installed, self.topology, lost=self.analyzer.lost())
        await self._look_at_rules(found, wanted)
        evidence = await with_uncolored(
            await self._sites.evidence(found), found, fleet=self.fleet, topology=self.topology
        )
        evidence = with_queues(evidence, self._queues)
        verdict = judge(self._observed(partial, reports, evidence))
        self._enter(TaskState.DONE)
        return with_inspections(verdict, self._sites.taken(), found, self.topology)

    async def _gathered(self, wanted: Plan) -> Partial:
        """Stop coloring, and give what is known once all packets had their time."""
        await self.fleet.each(
            self.fleet.up(wanted.color),
            lambda part: part.ask(StopColor(request=0, task_id=self.task.id), Done),
        )
        await self._flush()
        await self._wait_for_packets_in_flight()
        known = await self._partial()
        self._queues = await self._sites.queues(known.of_task(self.task.id))
        await self._flush()
        return await self._partial()

    def _beyond(self, partial: Partial, wanted: Plan) -> frozenset[int]:
        """Number the hosts that packets went to though the task does not log there."""
        homes = self.fleet.hosts_by_underlay_address
        strays = hosts_beyond(partial.of_task(self.task.id), wanted, homes)
        self._know(strays)
        return strays

    def _know(self, hosts: Iterable[int]) -> bool:
        """Take in what more hosts are like, where packets were seen or went; says if any was."""
        before = self.topology
        if before.host_by_number.keys() >= set(hosts):
            return False
        self.topology = self.fleet.topology({*before.host_by_number, *hosts})
        self.analyzer.know(self.topology)
        return len(self.topology.hosts) > len(before.hosts)

    async def _looked_wider(self, strays: frozenset[int]) -> Partial | None:
        """Packets went where nobody looked: look there too, and color as many again.

        Those seen before count only where no more come: then this gives None.
        """
        names = ", ".join(map(self.topology.host_name, sorted(strays)))
        self._note([f"packets went to {names}, beyond what their tenant reaches: looking there"])
        await self.fleet.join(strays)
        self.fleet.widen(strays)
        wider = self.fleet.plan(also=strays)
        await self._log(replace(wider, log={host: wider.log[host] for host in strays}))
        await self.analyzer.start_anew()
        await self._colored_at(self.fleet.up(wider.color), wider)
        await self._flush()
        deadline = time.monotonic() + WIDER_LOOK_S
        while time.monotonic() < deadline and self._colored() < self.task.limits.packet_count:
            await self._tick()
        partial = await self._gathered(wider)
        return partial if partial.of_task(self.task.id) else None

    async def _wait_for_packets_in_flight(self) -> None:
        """Give packets the time that something may hold them: a neighbour's answer, a queue."""
        began = time.monotonic()
        grace_s = VANISHED_GRACE_S
        partial = await self._partial()
        while not settled(partial, self.task.id, colored=self._colored()):
            if time.monotonic() - began > grace_s:
                if grace_s == GRACE_S or not await self._may_be_held(partial):
                    return
                grace_s = GRACE_S
            await self._tick()
            partial = await self._partial()

    async def _may_be_held(self, partial: Partial) -> bool:
        """Whether a packet may still wait inside a VFD, or in the queue of its last port."""
        if any(alike.path.last.point is Point.INGRESS for alike in partial.of_task(self.task.id)):
            return True
        sites = await self._sites.as_they_are(partial.of_task(self.task.id))
        return any(site.queue is not None and site.queue.packets > 0 for site in sites.values())

    async def _tick(self) -> None:
        """Wait for what comes, but not for long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                await self.fleet.news.wait()
        self.fleet.news.clear()
        self._report()

    async def _flush(self) -> None:
        """Have all records there are by now shipped, and analysed."""
        written = await self._shipped()
        while any(each.waiting for each in written.values()) and self._log_patience_s > 0:
            began = time.monotonic()
            written = await self._shipped()  # agents wait a while for their log themselves
            self._log_patience_s -= time.monotonic() - began
            self._report()
        await self.analyzer.catch_up(written)

    async def _shipped(self) -> Mapping[int, Written]:
        """Have agents ship all records; tells how far they stand in the log, where there is one."""
        written: dict[int, Written] = {}

        async def flush(part: Part) -> None:
            done = await part.ask(Flush(request=0), Done)
            if done.written is not None:
                written[part.host.number] = done.written

        await self.fleet.each(self.fleet.reachable(), flush)
        return written

    async def _look_at_rules(self, found: Sequence[Alike], wanted: Plan) -> None:
        """Where netfilter dropped packets by an unseen rule, color a few more and trace its rules.

        They count for nothing but to show which rule it was.
        """
        dropped = self._sites.dropped_by_unseen_rules(found)
        if not dropped or self.is_cancelled():
            return
        for place in dropped:
            watch = partial_of(self._watch_rules, place.netns)
            failed = await self.fleet.each(self.fleet.up([place.host]), watch)
            self._note(map(str, failed.values()))
        await self.fleet.each(self.fleet.up(wanted.color), partial_of(self._color_a_few, wanted))
        deadline = time.monotonic() + CLOSER_LOOK_S
        while time.monotonic() < deadline and self._colored() < CLOSER_LOOK_PACKETS:
            await self._tick()
        await self._flush()

    @property
    def _sites(self) -> Sites:
        return Sites(fleet=self.fleet, topology=self.topology, note=self._note)

    @staticmethod
    async def _watch_rules(netns: int, part: Part) -> None:
        await part.ask(WatchRules(request=0, netns=netns), Done)

    async def _color_a_few(self, wanted: Plan, part: Part) -> None:
        policy = replace(
            wanted.color[part.host.number],
            limits=Limits(
                packet_count=CLOSER_LOOK_PACKETS, trace_time=timedelta(seconds=CLOSER_LOOK_S)
            ),
        )
        await part.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)
        await part.ask(Flush(request=0), Done)

    async def _remove(self) -> None:
        """Let go everywhere; agents that are gone have let go already."""

        async def remove(part: Part) -> None:
            part.is_held = False  # its lease is not renewed any more, nor missed
            ports = sum(len(vfd.ports) for vfd in part.host.vfds)
            await part.ask(Remove(request=0, task_id=self.task.id), Done, ports=ports)

        await self.fleet.each(self.fleet.up(), remove)

    async def _partial(self) -> Partial:
        clocks = {
            part.host.number: part.clock.offset_ns
            for part in self.fleet.parts
            if part.clock is not None
        }
        partial = await self.analyzer.partial(clocks)
        if self._know(_hosts_of(partial.of_task(self.task.id))):
            partial = await self.analyzer.partial(clocks)
        return partial

    def _observed(
        self,
        partial: Partial,
        reports: Mapping[int, HostReport],
        sites: Mapping[LossKey, SiteEvidence],
    ) -> Observation:
        return Observation(
            task=self.task,
            topology=self.topology,
            found=tuple(partial.of_task(self.task.id)),
            records=partial.records,
            reports=reports,
            sites=sites,
            probes=self._probes,
            now=datetime.now(UTC),
        )

    def _colored(self) -> int:
        return sum(coloring.colored for coloring in self.fleet.coloring().values())

    def _enter(self, state: TaskState) -> None:
        if not self._state.may_become(state):
            raise ValueError(f"a task cannot go from {self._state} to {state}")
        self._state = state
        self.on_state(state)
        self._report()

    def _report(self, text: str = "") -> None:
        self.on_progress(
            Progress(
                state=self._state,
                colored=self._colored(),
                wanted=self.task.limits.packet_count,
                elapsed_s=time.monotonic() - self._began,
                text=text,
            )
        )

    def _note(self, notes: Iterable[str]) -> None:
        for note in notes:
            self._report(note)


def _hosts_of(found: Iterable[Alike]) -> set[int]:
    """Number the hosts that have seen packets."""
    return {sighting.port_key[0] for alike in found for sighting in alike.path.sightings}


async def diagnose(  # noqa: PLR0913 - collaborators, by keyword
    task: Task,
    *,
    fleet: Fleet,
    topology: Topology,
    on_state: Callable[[TaskState], None],
    on_progress: Callable[[Progress], None],
    is_cancelled: Callable[[], bool],
    on_verdict: Callable[[Verdict], None] = lambda _: None,
    wanted: Plan,
    taken_up: TakenUp | None = None,
) -> Verdict:
    """Carry out one task; the fleet is to be closed, whatever happens.

    Raises what planning raises, AgentUnreachable and PolicyRefused.
    """
    records = fleet.links.records
    records.attend(task.id, fleet.news.set)
    try:
        return await Diagnosis(
            task=task,
            topology=topology,
            fleet=fleet,
            analyzer=fleet.links.analyzer_of(task.id, topology, is_begun_here=taken_up is None),
            on_state=on_state,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
            on_verdict=on_verdict,
            plan=wanted,
            taken_up=taken_up,
        ).run()
    except TimeoutError as error:
        raise AgentUnreachable("an agent does not answer") from error
    finally:
        records.leave(task.id)
