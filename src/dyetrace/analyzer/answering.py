"""The seam: what a diagnosis asks of whoever analyses its records, here or elsewhere."""

from collections.abc import Mapping
from typing import Protocol

from dyetrace.analysis.partial import Partial
from dyetrace.model.path import Fate
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Topology
from dyetrace.wire.messages import Written


class TaskAnalyzer(Protocol):
    """Analyses one task's records, which come while it is asked."""

    async def begin(self) -> None:
        """Count losses from now on, where this process began the task."""

    async def catch_up(self, written: Mapping[int, Written]) -> None:
        """Take in all that agents have shipped by now; written: where, by host."""

    async def partial(self, clocks: Mapping[int, int]) -> Partial:
        """Give what is known by now; clocks as in Analysis.analyze."""

    def know(self, topology: Topology) -> None:
        """Go by another topology."""

    async def start_anew(self) -> None:
        """Count only packets that are colored from now on."""

    def lost(self) -> Mapping[int, int]:
        """Count the records that were shipped and did not arrive, or too late, by host."""


def settled(partial: Partial, task_id: TaskId, *, colored: int) -> bool:
    """Whether every colored packet of a task is known to have arrived or been dropped."""
    found = partial.of_task(task_id)
    known = sum(alike.packets for alike in found if alike.path.fate is not Fate.VANISHED)
    return known >= colored
