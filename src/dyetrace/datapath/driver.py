"""What a data plane must be able to do for us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dyetrace.model.packet import ColorMap, FiveTuple
from dyetrace.model.policy import ColorCounts, ColorPolicy
from dyetrace.model.record import RECORD, RecordArray
from dyetrace.model.site import SiteEvidence
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host, PortKey


def no_records() -> RecordArray:
    """Make an empty array of records."""
    return np.zeros(0, dtype=RECORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Records read in one go, with the names of the drops among them."""

    records: RecordArray = field(default_factory=no_records)
    drop_names: Mapping[int, str] = field(default_factory=dict)
    symbols: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Records: how many were made, and how many could not be."""

    recorded: int = 0
    lost_in_ring: int = 0
    unreadable: int = 0


class DatapathDriver(Protocol):
    """One host's data plane. Everything it installs is gone when it is closed or dies."""

    colors: ColorMap

    def discover(self) -> tuple[Host, tuple[str, ...]]:
        """Look at the host as it is now: its VFDs, and notes on what could not be seen."""

    def log_at(self, ports: frozenset[PortKey]) -> tuple[int, tuple[str, ...]]:
        """Log at exactly these ports and drops in their VFDs; none: attach nothing.

        Returns the number of probes now attached, and notes on ports left out.
        """

    def color(self, policy: ColorPolicy, *, lease_ns: int) -> int:
        """Color for a task; raises PolicyRefused and leaves nothing when it can't."""

    def renew(self, task_id: TaskId, *, lease_ns: int) -> None:
        """Let a task's coloring go on this long from now on."""

    def stop_color(self, task_id: TaskId) -> None:
        """Color no more for a task; its counts stay readable until it is forgotten."""

    def forget(self, task_id: TaskId) -> None:
        """Drop what is kept of a task whose coloring has stopped."""

    def color_counts(self, task_id: TaskId) -> ColorCounts:
        """Count so far."""

    def read(self) -> Batch:
        """Take all records there are now."""

    def losses(self) -> Losses:
        """Count records since the driver was opened."""

    def watch_rules(self, netns: int) -> None:
        """See which rule drops colored packets in a namespace, while anything is logged.

        Raises PolicyRefused where that can't be seen.
        """

    def inspect(
        self,
        *,
        netns: int,
        ifindex: int,
        in_ifindex: int,
        out_ifindex: int,
        five_tuple: FiveTuple,
    ) -> SiteEvidence:
        """Look at a place through the eyes of a packet that was lost there."""

    def fileno(self) -> int:
        """A descriptor that is readable when there may be records."""

    def close(self) -> None:
        """Remove everything."""
