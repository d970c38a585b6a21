"""What a data plane must be able to do for us."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from dyetrace.model.packet import ColorMap, FiveTuple, Outer
from dyetrace.model.policy import ColorCounts, ColorPolicy, Receiver
from dyetrace.model.record import RECORD, Point, RecordArray
from dyetrace.model.site import SiteEvidence, Uncolored
from dyetrace.model.task import TaskId
from dyetrace.model.topology import Host, PortKey

NETFILTER_DROP = "NETFILTER_DROP"  # the kernel's name
UNSAID = ("", "NOT_SPECIFIED")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where to look, through which packet's eyes."""

    netns: int
    ifindex: int  # where it was last seen; 0: it had no device
    in_ifindex: int = 0  # where it came into the VFD; 0: there
    out_ifindex: int = 0  # the receiver's port, if it is one of this VFD
    receiver_mac: str = ""  # of the vNIC there, where known
    homes: tuple[Receiver, ...] = ()  # vNICs here that may be the receiver's, if it is not known
    five_tuple: FiveTuple
    came_as: FiveTuple | None = None  # what it was when it came in; None: the same
    outer: Outer | None = None
    in_vni: int = 0  # VXLAN, Geneve: the VNI that it came in by
    point: Point | None = None  # what it was seen doing; None: it was lost, and that is all
    drop_reason: str = ""

    @property
    def may_be_dropped_by_rule(self) -> bool:
        """Whether it was lost, and nothing but netfilter is known to have done it."""
        return self.point is None or (
            self.point is Point.DROP and self.drop_reason in {NETFILTER_DROP, *UNSAID}
        )

    @property
    def is_dropped_by_rule(self) -> bool | None:
        """Whether netfilter dropped it; None: perhaps."""
        return None if self.point is None else self.drop_reason == NETFILTER_DROP


Look = Callable[[], SiteEvidence]
"""Looks around when called, in whatever thread. Never raises."""


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

    def programs(self) -> int:
        """Count the programs that are attached now."""

    def trace_rules(self, netns: frozenset[int]) -> None:
        """Begin to see which rules the first colored packets meet in exactly these namespaces.

        Traffic does not wait for it, nor does the caller.
        """

    def rules_traced(self) -> tuple[str, ...]:
        """Wait until that is so; returns notes on what cannot be seen."""

    def watch_rules(self, netns: int) -> None:
        """See which rule drops colored packets in a namespace, while anything is logged.

        Raises PolicyRefused where that can't be seen.
        """

    def watch_uncolored(self, netns: int, flow: FiveTuple) -> None:
        """See what rules do with a flow's packets that have no color, while anything is logged.

        Raises PolicyRefused where that can't be seen.
        """

    def uncolored(self, netns: int, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        """Count what became of those that met rules of a table, by now."""

    def inspection_at(self, spot: Spot) -> Look:
        """Prepare to look at a place through a packet's eyes."""

    def fileno(self) -> int:
        """A descriptor that is readable when there may be records."""

    def close(self) -> None:
        """Remove everything."""
