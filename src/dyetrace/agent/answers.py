"""What an agent does and says when a controller asks: each request once more changes nothing."""

import secrets
import time
from dataclasses import dataclass, field

from dyetrace.agent.clock import ToldClock
from dyetrace.agent.inspector import Inspector
from dyetrace.agent.tasks import LOG_GRACE_NS, HeldTasks
from dyetrace.datapath.driver import DatapathDriver, Spot
from dyetrace.model.topology import Host
from dyetrace.wire.messages import (
    Answer,
    Color,
    CountUncolored,
    Discover,
    Discovered,
    Done,
    HeldTask,
    Inspect,
    Inspected,
    Log,
    Ping,
    Pong,
    Refused,
    Remove,
    Renew,
    Renewed,
    Request,
    SessionId,
    StopColor,
    UncoloredCounted,
    WatchRules,
    WatchUncolored,
)


@dataclass(slots=True, kw_only=True)
class Answers:
    """Carries out what can be done at once."""

    driver: DatapathDriver
    held: HeldTasks
    inspector: Inspector
    clock: ToldClock
    _host: Host | None = None
    _notes: tuple[str, ...] = ()
    _discovered_ns: int = field(default=0)
    _changes: int = 0
    _process: str = field(default_factory=lambda: secrets.token_hex(4))

    def host(self, *, at_most_old_ns: int | None = None) -> tuple[Host, tuple[str, ...]]:
        """Discover the host, unless that was done lately; however long ago if no age is given."""
        now_ns = time.monotonic_ns()
        is_too_old = at_most_old_ns is not None and now_ns - self._discovered_ns > at_most_old_ns
        if self._host is None or is_too_old:
            self._discovered_ns = now_ns
            before, (self._host, self._notes) = self._host, self.driver.discover()
            self._changes += self._host != before
        return self._host, self._notes

    def to(self, request: Request, session: SessionId) -> Answer:
        """Do what is asked; raises PolicyRefused, and whatever a driver raises."""
        match request:
            case Log():
                return self._logged(request, session)
            case Color():
                probes = self.held.color(request.policy, lease_ns=request.lease_ns)
                return Done(request=request.request, probes=probes)
            case Renew():
                until_ns = _until_ns(request.lease_ns)
                gone = self.held.renew(request.tasks, lease_ns=request.lease_ns, until_ns=until_ns)
                return Renewed(request=request.request, gone=gone)
            case StopColor():
                self.held.stop_color(request.task_id)
            case Remove():
                self.held.remove(request.task_id)
            case _:
                return self._looked(request)
        return Done(request=request.request)

    def _logged(self, request: Log, session: SessionId) -> Done:
        losses = self.driver.losses()
        is_new = request.task_id not in self.held.tasks
        probes, notes = self.held.log(
            request.task_id,
            request.policy,
            session=session,
            until_ns=_until_ns(request.lease_ns),
            at_start=HeldTask(
                lost=losses.lost_in_ring + losses.unreadable,
                inspections_left_out=self.inspector.left_out,
            ),
        )
        if is_new and request.policy.inspects:
            self.inspector.begin(request.policy.receivers)
        at_start = self.held.tasks[request.task_id].at_start
        return Done(request=request.request, probes=probes, notes=notes, at_start=at_start)

    def _looked(self, request: Request) -> Answer:
        """Answer those who want to know how something is here."""
        match request:
            case Discover():
                return self._discovered(request)
            case Ping():
                return Pong(request=request.request, clock_ns=self.clock.now_ns())
            case WatchRules() | WatchUncolored():
                return self._watched(request)
            case CountUncolored():
                return self._counted(request)
            case Inspect():
                return self._inspected(request)
            case _:
                return Refused(request=0, text=f"{type(request).__name__} is not a request")

    def _discovered(self, request: Discover) -> Discovered:
        host, notes = self.host(at_most_old_ns=request.at_most_old_ns)
        revision = f"{self._process}-{self._changes}"
        return Discovered(
            request=request.request,
            revision=revision,
            host=None if request.known == revision else host,
            notes=notes,
        )

    def _watched(self, request: WatchRules | WatchUncolored) -> Done:
        if isinstance(request, WatchRules):
            self.driver.watch_rules(request.netns)
        else:
            self.driver.watch_uncolored(request.netns, request.five_tuple)
        return Done(request=request.request)

    def _counted(self, request: CountUncolored) -> UncoloredCounted:
        counted = self.driver.uncolored(
            request.netns, request.five_tuple, family=request.family, table=request.table
        )
        return UncoloredCounted(request=request.request, counted=counted)

    def _inspected(self, request: Inspect) -> Inspected:
        spot = Spot(
            netns=request.netns,
            ifindex=request.ifindex,
            in_ifindex=request.in_ifindex,
            out_ifindex=request.out_ifindex,
            five_tuple=request.five_tuple,
            outer=request.outer,
        )
        return Inspected(request=request.request, site=self.driver.inspection_at(spot)())


def _until_ns(lease_ns: int) -> int:
    return time.monotonic_ns() + lease_ns + LOG_GRACE_NS
