"""One diagnosis: what is asked, how far it may go, and how far it has come."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from dyetrace.model.filter import PacketFilter

TaskId = int
"""64 bits, random; written as 16 hexadecimal digits."""

MAX_PACKET_COUNT = 100_000
MAX_TRACE_TIME = timedelta(hours=1)


class TaskState(StrEnum):
    """The handshake's stages: nobody writes a record before somebody reads."""

    NEW = "new"  # stored
    READY = "ready"  # an analyzer has taken it, its reader is attached
    TRACING = "tracing"  # LOG everywhere, acknowledged; then COLOR at the sources
    COLLECTING = "collecting"  # COLOR removed; LOG kept for packets in flight
    DONE = "done"  # it has a verdict
    FAILED = "failed"  # it could not be carried out; the error says why
    CANCELLED = "cancelled"  # stopped by its user

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen any more."""
        return self in {TaskState.DONE, TaskState.FAILED, TaskState.CANCELLED}

    def may_become(self, following: "TaskState") -> bool:
        """Whether the handshake allows this step."""
        if self.is_final:
            return False
        if following in {TaskState.FAILED, TaskState.CANCELLED}:
            return True
        order = list(TaskState)
        return order.index(following) == order.index(self) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a task may color, all enforced in the data plane."""

    packet_count: int = 20
    trace_time: timedelta = timedelta(seconds=30)
    packets_per_second: int = 1000

    def __post_init__(self) -> None:
        """Refuse what would trace nothing, or everything."""
        if not 1 <= self.packet_count <= MAX_PACKET_COUNT:
            raise ValueError(f"packet_count {self.packet_count} is outside 1..{MAX_PACKET_COUNT}")
        if not timedelta(0) < self.trace_time <= MAX_TRACE_TIME:
            raise ValueError(
                f"trace_time {self.trace_time.total_seconds():g}s is outside 0s.."
                f"{MAX_TRACE_TIME.total_seconds():g}s"
            )
        if not 1 <= self.packets_per_second <= MAX_PACKET_COUNT:
            raise ValueError(
                f"packets_per_second {self.packets_per_second} is outside 1..{MAX_PACKET_COUNT}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A filter to follow within limits."""

    id: TaskId
    wanted: PacketFilter
    limits: Limits
    opened_at: datetime
    state: TaskState = TaskState.NEW
    tenant: str = ""  # who asked: only packets of its own are colored; "": the provider


def task_name(task_id: TaskId) -> str:
    """Write a task's id as users see it."""
    return f"{task_id:016x}"
