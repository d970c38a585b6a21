"""One host's part in one task: what it holds for it, what it reports, where that has a gap."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from dyetrace.analysis.losses import HostReport
from dyetrace.errors import AgentUnreachable
from dyetrace.model.inspection import Inspection
from dyetrace.model.policy import ColorCounts
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host
from dyetrace.wire.messages import Answer, HeldTask, Renew, Renewed, Request, Welcome

if TYPE_CHECKING:
    from dyetrace.controller.clocks import Clock
    from dyetrace.controller.link import AgentLink

A = TypeVar("A", bound=Answer)

LEASE_NS = 10_000_000_000
BACK_WITHIN_S = 15.0  # by then an agent has let go of what nobody renewed
LOOK_EVERY_S = 0.25

ABSENT = "did not answer when the task began"
DIED = "died during the task"
SILENT = "did not answer any more during the task"
OUT_OF_REACH = "was out of reach for too long during the task"
RESTARTED = "was started anew during the task"
LET_GO = "let go of the task, for its controller was away too long"


@dataclass(slots=True, kw_only=True)
class Part:
    """A task's view of a link that all tasks share. It is down for good once it has a gap."""

    task_id: TaskId
    link: "AgentLink"
    news: asyncio.Event  # set whenever something comes that the task may wait for
    note: Callable[[str], None] = lambda _: None
    host: Host = field(default_factory=lambda: Host(number=0, name=""))
    notes: tuple[str, ...] = ()
    began_after: int = 0  # the last shipment that it does not need
    is_held: bool = False  # LOG stands there, as far as is known
    gap: str = ""  # why not all that happened was seen
    colored: ColorCounts | None = None  # as last heard
    inspections: list[Inspection] = field(default_factory=list)
    at_start: HeldTask = field(default_factory=HeldTask)  # what the agent had lost
    _lost_on_way_at_start: int = 0

    @property
    def name(self) -> str:
        """The host's name."""
        return self.link.name

    @property
    def number(self) -> int:
        """The host's number; 0: it has not answered."""
        return self.host.number

    @property
    def is_up(self) -> bool:
        """Whether it can be asked, and has seen all so far."""
        return self.link.is_up and not self.gap and bool(self.host.number)

    @property
    def clock(self) -> "Clock | None":
        """How the host's clock relates to ours."""
        return self.link.clock

    @property
    def inspections_left_out(self) -> int:
        """How many first packets were not inspected since the task began."""
        return self.link.health.inspections_left_out - self.at_start.inspections_left_out

    @property
    def records_lost(self) -> int:
        """How many records were lost since the task began, on the host or on their way."""
        health = self.link.health
        on_host = health.lost_in_ring + health.unreadable - self.at_start.lost
        return max(on_host, 0) + self.link.records_lost - self._lost_on_way_at_start

    async def open(self) -> None:
        """Connect, and know the host as it is; raises AgentUnreachable."""
        self.link.attend(self)
        await self.link.open()
        self.host, self.notes = self.link.host, self.link.notes

    async def open_again(self) -> None:
        """Connect for a task that an earlier process had begun, and keep what is held for it."""
        deadline = time.monotonic() + BACK_WITHIN_S
        while True:
            try:
                await self.open()
                break
            except AgentUnreachable:  # it may be about to find this process, too
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(LOOK_EVERY_S)
        held = self.link.held.get(self.task_id)
        if held is not None:
            self.is_held, self.at_start, self._lost_on_way_at_start = True, held, 0
            renew = Renew(request=0, tasks=(self.task_id,), lease_ns=LEASE_NS)
            await self.ask(renew, Renewed)

    async def ask(
        self, request: Request, kind: type[A], *, within_s: float = 0.0, ports: int = 0
    ) -> A:
        """Ask the agent, as the link does."""
        return await self.link.ask(request, kind, within_s=within_s, ports=ports)

    def close(self) -> None:
        """The task is over here: nothing is kept for it any more."""
        if self.link.parts.get(self.task_id) is self:
            del self.link.parts[self.task_id]

    def begin(self, at_start: HeldTask | None = None) -> None:
        """LOG stands there: count losses from what had been lost then."""
        if self.is_held:
            return  # that began earlier
        self.is_held = True
        self.at_start = at_start or self._lost_by_now()
        self._lost_on_way_at_start = self.link.records_lost

    def set_out(self) -> None:
        """Nothing of what was lost by now is the task's."""
        if not self.is_held:
            self.at_start = self._lost_by_now()
            self._lost_on_way_at_start = self.link.records_lost

    def _lost_by_now(self) -> HeldTask:
        health = self.link.health
        return HeldTask(
            lost=health.lost_in_ring + health.unreadable,
            inspections_left_out=health.inspections_left_out,
        )

    def heard(self, counts: ColorCounts) -> None:
        """Take how coloring goes."""
        if counts != self.colored:
            self.colored = counts
            self.news.set()

    def reconnected(self, welcome: Welcome, *, is_another_process: bool) -> None:
        """See whether the agent still holds the task."""
        if self.is_held and self.task_id not in welcome.held:
            self._has_gap(RESTARTED if is_another_process else LET_GO)
        self.news.set()

    def was_begun(self) -> None:
        """An earlier process had LOG stand here: where it does not, something was missed."""
        if not self.is_held:
            self._has_gap(LET_GO)

    def let_go(self) -> None:
        """The agent does not hold the task any more."""
        if self.is_held:
            self._has_gap(LET_GO)

    def given_up(self, why: str) -> None:
        """The agent cannot be reached any more."""
        self._has_gap(why)

    def is_absent(self) -> None:
        """The agent could not be reached to begin with."""
        self.gap = ""
        self._has_gap(ABSENT)

    def report(self, *, is_in_scope: bool, is_installed: bool) -> HostReport:
        """Say what is known of it."""
        counts = self.colored or ColorCounts()
        clock = self.clock
        return HostReport(
            number=self.host.number,
            name=self.name,
            is_up=self.is_up,
            why_down=self.gap or DIED,
            is_in_scope=is_in_scope,
            is_installed=is_installed,
            records_lost=self.records_lost,
            colored=counts.colored,
            matched=counts.matched,
            uncolorable=counts.uncolorable,
            already_colored=counts.already_colored,
            clock_uncertainty_ns=clock.uncertainty_ns if clock else None,
        )

    def _has_gap(self, why: str) -> None:
        self.is_held = False
        if not self.gap:
            self.gap = why
            self.note(f"the agent of host {self.name} {why}")
        self.news.set()
