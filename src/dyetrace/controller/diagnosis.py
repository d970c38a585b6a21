"""One task from its request to its verdict: the handshake."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial as partial_of

from dyetrace.analysis.judge import Observation, judge
from dyetrace.analysis.losses import HostReport, LossKey
from dyetrace.analysis.partial import Alike, Partial
from dyetrace.analyzer.embedded import EmbeddedAnalyzer, settled
from dyetrace.controller.fleet import Fleet
from dyetrace.controller.inspections import with_inspections
from dyetrace.controller.link import AgentLink
from dyetrace.controller.recheck import with_uncolored
from dyetrace.controller.sites import Sites
from dyetrace.errors import AgentUnreachable, PolicyRefused
from dyetrace.model.policy import Plan
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from dyetrace.model.task import Limits, Task, TaskState
from dyetrace.model.topology import Topology
from dyetrace.model.verdict import Verdict
from dyetrace.wire.messages import (
    Color,
    Done,
    Flush,
    Log,
    Remove,
    Renew,
    StopColor,
    WatchRules,
)

LEASE_NS = 10_000_000_000
RENEW_EVERY_S = 3.0
TICK_S = 0.05
GRACE_S = 4.0  # a neighbour is given up after three probes of a second each
CLOSER_LOOK_S = 1.0
CLOSER_LOOK_PACKETS = 3
VANISHED_GRACE_S = 1.0  # for packets that left by a port with nothing in its queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a task has come, for those who wait."""

    state: TaskState
    colored: int
    wanted: int
    elapsed_s: float
    text: str = ""


@dataclass(slots=True, kw_only=True)
class Diagnosis:
    """Carries out one task. The fleet must be open, and is left open."""

    task: Task
    topology: Topology
    fleet: Fleet
    analyzer: EmbeddedAnalyzer
    on_state: Callable[[TaskState], None]
    on_progress: Callable[[Progress], None]
    is_cancelled: Callable[[], bool] = lambda: False
    on_verdict: Callable[[Verdict], None] = lambda _: None
    _probes: int = 0
    _not_installed: tuple[str, ...] = ()
    _state: TaskState = TaskState.NEW
    _began: float = 0.0
    _renewed: float = 0.0

    async def run(self) -> Verdict:
        """Trace, and judge. Whatever happens, no policy of the task outlives this call.

        The verdict is told before the policies are let go, which takes its time.
        """
        self._began = self._renewed = time.monotonic()
        wanted = self.fleet.plan(self.task, self.topology)
        try:
            self._enter(TaskState.READY)
            await self._install(wanted)
            await self._trace(wanted)
            verdict = await self._collect(wanted)
            self.on_verdict(verdict)
            return verdict
        finally:
            await asyncio.shield(self._remove())

    async def _install(self, wanted: Plan) -> None:
        """LOG everywhere first, and only when that stands COLOR: no record without a reader."""
        for link in self.fleet.links:
            link.health_at_start = link.health

        async def log(link: AgentLink) -> None:
            policy = wanted.log[link.host.number]
            done = await link.ask(
                Log(request=0, task_id=self.task.id, policy=policy, lease_ns=LEASE_NS),
                Done,
                ports=len(policy.ports),
            )
            self._probes += done.probes
            self._note(f"{link.name}: {note}" for note in done.notes)
            await link.ask(Flush(request=0), Done)
            link.health_at_start = link.health

        failed = await self.fleet.each(self.fleet.up(wanted.log), log)
        self._note(map(str, failed.values()))
        down = [link.name for link in self.fleet.links if not link.is_up]
        self._not_installed = (*failed, *down)
        self._enter(TaskState.TRACING)

        async def color(link: AgentLink) -> None:
            policy = wanted.color[link.host.number]
            done = await link.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)
            self._probes += done.probes

        sources = [link for link in self.fleet.up(wanted.color) if link.name not in failed]
        refused = await self.fleet.each(sources, color)
        if len(refused) == len(sources):
            reasons = "; ".join(map(str, [*failed.values(), *refused.values()]))
            kind = AgentUnreachable if self._are_gone(wanted.color) else PolicyRefused
            raise kind(f"no source could be colored: {reasons or 'its agents are down'}")
        self._note(map(str, refused.values()))

    def _are_gone(self, hosts: Iterable[int]) -> bool:
        return not self.fleet.up(hosts)

    async def _trace(self, wanted: Plan) -> None:
        """Wait until enough is colored, time is over, or nobody colors any more."""
        deadline = time.monotonic() + self.task.limits.trace_time.total_seconds()
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
        await self.fleet.each(
            self.fleet.up(wanted.color),
            lambda link: link.ask(StopColor(request=0, task_id=self.task.id), Done),
        )
        await self._flush()
        await self._wait_for_packets_in_flight()
        await self._flush()
        partial = self._partial()
        found = partial.of_task(self.task.id)
        await self._sites.settle(found)
        reports = self.fleet.reports(self.task.id, self._not_installed)
        await self._look_at_rules(found, wanted)
        evidence = await with_uncolored(
            await self._sites.evidence(found), found, fleet=self.fleet, topology=self.topology
        )
        verdict = judge(self._observed(partial, reports, evidence))
        self._enter(TaskState.DONE)
        return with_inspections(verdict, self._sites.taken(), found, self.topology)

    async def _wait_for_packets_in_flight(self) -> None:
        """Give packets the time that something may hold them: a neighbour's answer, a queue."""
        began = time.monotonic()
        grace_s = VANISHED_GRACE_S
        partial = self._partial()
        while not settled(partial, self.task.id, colored=self._colored()):
            if time.monotonic() - began > grace_s:
                if grace_s == GRACE_S or not await self._may_be_held(partial):
                    return
                grace_s = GRACE_S
            await self._tick()
            if self.analyzer.catch_up():
                partial = self._partial()

    async def _may_be_held(self, partial: Partial) -> bool:
        """Whether a packet may still wait inside a VFD, or in the queue of its last port."""
        if any(alike.path.last.point is Point.INGRESS for alike in partial.of_task(self.task.id)):
            return True
        sites = await self._sites.as_they_are(partial.of_task(self.task.id))
        return any(site.queue is not None and site.queue.packets > 0 for site in sites.values())

    async def _tick(self) -> None:
        await asyncio.sleep(TICK_S)
        if time.monotonic() - self._renewed > RENEW_EVERY_S:
            self._renewed = time.monotonic()
            await self.fleet.each(
                self.fleet.up(),
                lambda link: link.ask(
                    Renew(request=0, task_id=self.task.id, lease_ns=LEASE_NS), Done
                ),
            )
        self._report()

    async def _flush(self) -> None:
        await self.fleet.each(self.fleet.up(), lambda link: link.ask(Flush(request=0), Done))
        self.analyzer.catch_up()

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
    async def _watch_rules(netns: int, link: AgentLink) -> None:
        await link.ask(WatchRules(request=0, netns=netns), Done)

    async def _color_a_few(self, wanted: Plan, link: AgentLink) -> None:
        policy = replace(
            wanted.color[link.host.number],
            limits=Limits(
                packet_count=CLOSER_LOOK_PACKETS, trace_time=timedelta(seconds=CLOSER_LOOK_S)
            ),
        )
        await link.ask(Color(request=0, policy=policy, lease_ns=LEASE_NS), Done)
        await link.ask(Flush(request=0), Done)

    async def _remove(self) -> None:
        """Let go everywhere; agents that are gone have let go already."""
        await self.fleet.each(
            self.fleet.up(),
            lambda link: link.ask(
                Remove(request=0, task_id=self.task.id),
                Done,
                ports=sum(len(vfd.ports) for vfd in link.host.vfds),
            ),
        )

    def _partial(self) -> Partial:
        self.analyzer.catch_up()
        clocks = {
            link.host.number: link.clock.offset_ns
            for link in self.fleet.links
            if link.clock is not None
        }
        return self.analyzer.partial(clocks)

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
        return sum(coloring.colored for coloring in self.fleet.coloring(self.task.id).values())

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


async def diagnose(  # noqa: PLR0913 - collaborators, by keyword
    task: Task,
    *,
    fleet: Fleet,
    topology: Topology,
    analyzer: EmbeddedAnalyzer,
    on_state: Callable[[TaskState], None],
    on_progress: Callable[[Progress], None],
    is_cancelled: Callable[[], bool],
    on_verdict: Callable[[Verdict], None] = lambda _: None,
) -> Verdict:
    """Carry out one task and close the fleet, whatever happens.

    Raises what planning raises, AgentUnreachable and PolicyRefused.
    """
    try:
        return await Diagnosis(
            task=task,
            topology=topology,
            fleet=fleet,
            analyzer=analyzer,
            on_state=on_state,
            on_progress=on_progress,
            is_cancelled=is_cancelled,
            on_verdict=on_verdict,
        ).run()
    except TimeoutError as error:
        raise AgentUnreachable("an agent does not answer") from error
    finally:
        await asyncio.shield(fleet.close())
