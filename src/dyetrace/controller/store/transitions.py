"""Every step of every task: from which state to which, when, and by whom."""

import os
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from dyetrace.controller.store.schema import tasks, transitions
from dyetrace.errors import TaskEnded
from dyetrace.model.task import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step of a task."""

    task: str
    from_state: TaskState | None  # None: it began here, or the step before is not known
    to_state: TaskState
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """When a step is taken, and by whom."""

    at: datetime
    by: str | None = None  # None: this process


def note(
    connection: Connection, task_id: str, before: str | None, after: TaskState, taken: Taken
) -> None:
    """Write a step down."""
    connection.execute(
        insert(transitions).values(
            task=task_id,
            from_state=before,
            to_state=after.value,
            at=taken.at,
            by=taken.by or f"process {os.getpid()} on {socket.gethostname()}",
        )
    )


def step(
    connection: Connection, task_id: str, after: TaskState, taken: Taken, **values: object
) -> None:
    """Take a task to another state, whole or not at all; raises TaskEnded.

    A state once more is no step. Of several processes that step at once, each sees
    what the one before it left.
    """
    before = connection.scalar(select(tasks.c.state).where(tasks.c.id == task_id).with_for_update())
    if before is None or before == after.value:
        return
    if TaskState(before).is_final:
        raise TaskEnded(task=task_id, state=before)
    connection.execute(
        update(tasks).where(tasks.c.id == task_id).values(state=after.value, **values)
    )
    note(connection, task_id, before, after, taken)


def steps_of(connection: Connection, task_id: str) -> list[Transition]:
    """Give a task's steps in the order they were taken."""
    rows = connection.execute(
        select(transitions).where(transitions.c.task == task_id).order_by(transitions.c.seq)
    )
    return [_transition(row._mapping) for row in rows]  # noqa: SLF001 - its public way to a dict


def _transition(row: Any) -> Transition:  # noqa: ANN401 - a row of whatever columns
    return Transition(
        task=row["task"],
        from_state=TaskState(row["from_state"]) if row["from_state"] else None,
        to_state=TaskState(row["to_state"]),
        at=row["at"].replace(tzinfo=UTC),
        by=row["by"],
    )
