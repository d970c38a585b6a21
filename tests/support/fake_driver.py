"""A data plane in memory: it does what it is told, says what it was told, and sees no packets."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from dyetrace.datapath.driver import Batch, Look, Losses, Spot
from dyetrace.errors import PolicyRefused
from dyetrace.model.packet import ColorMap, FiveTuple
from dyetrace.model.policy import ColorCounts, ColorPolicy
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host, PortKey

_clock = count(1)


@dataclass
class FakeDriver:
    """One host's data plane; `told` has (tick, what) in the order of all fakes' calls."""

    host: Host
    colors: ColorMap = field(default_factory=ColorMap)
    records_of: Callable[[ColorPolicy], Batch] = lambda _: Batch()
    colors_at_once: int = 0
    refuses: str = ""  # "log" or "color"
    told: list[tuple[int, str]] = field(default_factory=list)
    logged: frozenset[PortKey] = frozenset()
    coloring: dict[TaskId, ColorPolicy] = field(default_factory=dict)
    counted: dict[TaskId, ColorCounts] = field(default_factory=dict)
    lost: Losses = field(default_factory=Losses)
    is_closed: bool = False
    traced: frozenset[int] = frozenset()
    looks: Callable[[Spot], SiteEvidence] = lambda _: SiteEvidence(notes=("looked at",))
    counts_uncolored: Uncolored = field(default_factory=Uncolored)
    _waiting: list[Batch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._readable, self._writable = os.pipe()

    def _tell(self, what: str) -> None:
        self.told.append((next(_clock), what))

    def ticks(self, what: str) -> list[int]:
        """When it was told this."""
        return [tick for tick, told in self.told if told == what]

    def discover(self) -> tuple[Host, tuple[str, ...]]:
        self._tell("discover")
        return self.host, ()

    def log_at(self, ports: frozenset[PortKey]) -> tuple[int, tuple[str, ...]]:
        self._tell("log" if ports else "log nothing")
        if self.refuses == "log" and ports:
            raise PolicyRefused("no room")
        self.logged = ports
        return len(ports), ()

    def color(self, policy: ColorPolicy, *, lease_ns: int) -> int:
        self._tell("color")
        if self.refuses == "color":
            raise PolicyRefused("no room")
        assert lease_ns > 0
        self.coloring[policy.task_id] = policy
        self.counted[policy.task_id] = ColorCounts(colored=self.colors_at_once)
        self._waiting.append(self.records_of(policy))
        return len(policy.ports)

    def renew(self, task_id: TaskId, *, lease_ns: int) -> None:
        assert lease_ns > 0
        assert task_id in self.coloring
        self._tell("renew")

    def stop_color(self, task_id: TaskId) -> None:
        self._tell("stop color")
        del self.coloring[task_id]

    def forget(self, task_id: TaskId) -> None:
        self._tell("forget")
        self.counted.pop(task_id, None)

    def color_counts(self, task_id: TaskId) -> ColorCounts:
        return self.counted.get(task_id, ColorCounts())

    def read(self) -> Batch:
        return self._waiting.pop() if self._waiting else Batch()

    def losses(self) -> Losses:
        return self.lost

    def programs(self) -> int:
        return len(self.logged) + sum(len(each.ports) for each in self.coloring.values())

    def trace_rules(self, netns: frozenset[int]) -> None:
        if netns != self.traced:
            self._tell("trace rules" if netns else "trace no rules")
        self.traced = netns

    def rules_traced(self) -> tuple[str, ...]:
        return ()

    def watch_rules(self, netns: int) -> None:
        assert netns
        self._tell("watch rules")

    def watch_uncolored(self, netns: int, flow: FiveTuple) -> None:
        assert netns
        self._tell(f"watch uncolored packets to {flow.dst}")

    def uncolored(self, netns: int, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        self._tell(f"count uncolored packets to {flow.dst} in {netns} {family} {table}")
        return self.counts_uncolored

    def inspection_at(self, spot: Spot) -> Look:
        self._tell("inspect")
        assert spot.netns
        assert spot.ifindex or spot.in_ifindex or not spot.out_ifindex
        return lambda: self.looks(spot)

    def fileno(self) -> int:
        return self._readable

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.logged = frozenset()
            self.coloring.clear()
            os.close(self._readable)
            os.close(self._writable)
