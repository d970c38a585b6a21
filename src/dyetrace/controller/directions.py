"""Which packets of a conversation: those there, their answers, or both as two tasks."""

from collections.abc import Mapping
from enum import StrEnum

from dyetrace.controller.service import new_task, request_json
from dyetrace.model.filter import PacketFilter
from dyetrace.model.task import Limits, Task, task_name
from dyetrace.wire.answer import Json


class Direction(StrEnum):
    """Which packets of a conversation."""

    THERE = "there"  # from source to destination
    BACK = "back"  # their answers
    BOTH = "both"  # two tasks, linked

    @property
    def lanes(self) -> "tuple[Direction, ...]":
        """Its single directions, in the order they are shown."""
        return (Direction.THERE, Direction.BACK) if self is Direction.BOTH else (self,)


def tasks_of(
    wanted: PacketFilter, limits: Limits, direction: Direction, *, tenant: str = ""
) -> list[tuple[Task, Json]]:
    """Make the tasks, each with what the store keeps of the request; two know each other."""
    tasks = {
        lane: new_task(_along(wanted, lane), limits, tenant=tenant) for lane in direction.lanes
    }
    return [
        (
            task,
            request_json(task.wanted, limits)
            | {"direction": lane.value, "linked": _other(lane, tasks)},
        )
        for lane, task in tasks.items()
    ]


def _along(wanted: PacketFilter, lane: Direction) -> PacketFilter:
    return wanted.reversed() if lane is Direction.BACK else wanted


def _other(mine: Direction, tasks: Mapping[Direction, Task]) -> str | None:
    return next((task_name(task.id) for lane, task in tasks.items() if lane is not mine), None)
