"""What an agent holds for which task, and until when.

A policy belongs to its task, not to a connection: what is asked twice changes
nothing more, and only the lease ends what nobody renews.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dyetrace.datapath.driver import Batch, DatapathDriver
from dyetrace.errors import PolicyRefused
from dyetrace.model.policy import ColorCounts, ColorPolicy, LogPolicy
from dyetrace.model.task import TaskId, task_name
from dyetrace.model.topology import PortKey
from dyetrace.wire.messages import HeldTask, SessionId

LOG_GRACE_NS = 8_000_000_000
"""LOG outlives the lease, which coloring in the kernel does not: packets under way are seen, and a
controller that comes back within it has missed nothing."""


@dataclass(slots=True)
class Held:
    """One task's policies on this host."""

    session: SessionId
    until_ns: int
    at_start: HeldTask = field(default_factory=HeldTask)  # what had been lost then
    ports: frozenset[PortKey] = frozenset()
    color_probes: int = 0
    is_coloring: bool = False
    traced: frozenset[int] = frozenset()  # rules are, from LOG until coloring stops
    has_colored: bool = False


@dataclass(slots=True)
class HeldTasks:
    """All tasks of all sessions, sharing one driver.

    LOG is the same for every task, so the driver logs at the union of their
    ports; when the last task goes, nothing is attached any more.
    """

    driver: DatapathDriver
    tasks: dict[TaskId, Held] = field(default_factory=dict)
    _ports: Counter[PortKey] = field(default_factory=Counter)  # how many tasks log there
    _traced: Counter[int] = field(default_factory=Counter)  # for how many tasks, by namespace

    def log(
        self,
        task_id: TaskId,
        policy: LogPolicy,
        *,
        session: SessionId,
        until_ns: int,
        at_start: HeldTask,
    ) -> tuple[int, tuple[str, ...]]:
        """Log for a task, rules traced where it logs; returns the probes and notes."""
        held = self.tasks.get(task_id)
        if held is not None and held.ports == policy.ports:
            held.until_ns = until_ns
            return self.driver.log_at(frozenset(self._ports))
        namespaces = frozenset(port[1] for port in policy.ports if policy.inspects)
        self.driver.trace_rules(frozenset(self._traced) | namespaces)  # goes on beside attaching
        try:
            probes, notes = self.driver.log_at(frozenset(self._ports) | policy.ports)
        except BaseException:
            self.driver.trace_rules(frozenset(self._traced))
            self.driver.log_at(frozenset(self._ports))
            raise
        if held is None:
            held = Held(session=session, until_ns=until_ns, at_start=at_start)
            self.tasks[task_id] = held
        _count_off(self._ports, held.ports)
        _count_off(self._traced, held.traced)
        held.until_ns, held.ports, held.traced = until_ns, policy.ports, namespaces
        self._ports.update(policy.ports)
        self._traced.update(namespaces)
        return probes, (*notes, *self.driver.rules_traced())

    def color(self, policy: ColorPolicy, *, lease_ns: int) -> int:
        """Color for a task that is logged already; returns probes attached.

        This and what follows raise PolicyRefused for a task that is not held.
        """
        held = self._held(policy.task_id)
        if held.is_coloring:
            self.driver.renew(policy.task_id, lease_ns=lease_ns)
        else:
            held.color_probes = self.driver.color(policy, lease_ns=lease_ns)
            held.is_coloring = held.has_colored = True
        return held.color_probes

    def renew(self, tasks: Iterable[TaskId], *, lease_ns: int, until_ns: int) -> tuple[TaskId, ...]:
        """Extend the leases of tasks; returns those that are not held."""
        gone = []
        for task_id in tasks:
            held = self.tasks.get(task_id)
            if held is None:
                gone.append(task_id)
                continue
            held.until_ns = until_ns
            if held.is_coloring:
                self.driver.renew(task_id, lease_ns=lease_ns)
        return tuple(gone)

    def stop_color(self, task_id: TaskId) -> None:
        """Stop coloring for a task, if it colors, and tracing rules for it."""
        held = self._held(task_id)
        _count_off(self._traced, held.traced)
        held.traced = frozenset()
        self.driver.trace_rules(frozenset(self._traced))
        if held.is_coloring:
            self.driver.stop_color(task_id)
            held.is_coloring = False

    def remove(self, task_id: TaskId) -> None:
        """Let go of a task: first its color, then its logging."""
        if task_id not in self.tasks:
            return
        try:
            self.stop_color(task_id)
        finally:
            held = self.tasks.pop(task_id)
            if held.has_colored:
                self.driver.forget(task_id)
            _count_off(self._ports, held.ports)
            self.driver.log_at(frozenset(self._ports))

    def remove_session(self, session: SessionId) -> None:
        """Let go of all tasks of a controller that is gone."""
        for task_id in [id_ for id_, held in self.tasks.items() if held.session == session]:
            self.remove(task_id)

    def remove_expired(self, now_ns: int) -> frozenset[SessionId]:
        """Let go of tasks whose controller has stopped renewing; says which controllers did."""
        expired = {id_: held for id_, held in self.tasks.items() if held.until_ns < now_ns}
        for task_id in expired:
            self.remove(task_id)
        return frozenset(held.session for held in expired.values())

    def sessions(self) -> frozenset[SessionId]:
        """Name the controllers that have tasks here."""
        return frozenset(held.session for held in self.tasks.values())

    def of_session(self, session: SessionId) -> dict[TaskId, HeldTask]:
        """Give the tasks of one controller, with what had been lost when each began."""
        return {id_: held.at_start for id_, held in self.tasks.items() if held.session == session}

    def counts(self) -> dict[SessionId, dict[TaskId, ColorCounts]]:
        """Count what was colored, by session, for every task that has colored here."""
        found: dict[SessionId, dict[TaskId, ColorCounts]] = {}
        for task_id, held in self.tasks.items():
            if held.has_colored:
                of_session = found.setdefault(held.session, {})
                of_session[task_id] = self.driver.color_counts(task_id)
        return found

    def read(self) -> Batch:
        """Take the records there are."""
        return self.driver.read()

    def _held(self, task_id: TaskId) -> Held:
        try:
            return self.tasks[task_id]
        except KeyError:
            raise PolicyRefused(
                f"task {task_name(task_id)} is not held here: its lease may have ended"
            ) from None


def _count_off(counted: Counter[Any], some: Iterable[Any]) -> None:
    """Count one less of each, and forget what nobody has any more."""
    for each in some:
        counted[each] -= 1
        if not counted[each]:
            del counted[each]
