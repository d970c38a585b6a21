"""Tasks and their answers: one active task per filter, carried out by one runner."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from dyetrace.controller.store.database import Database, stored_time
from dyetrace.controller.store.request_keys import RequestKey, RequestKeys
from dyetrace.controller.store.runners import GRACE_S, SESSION_LEASE, Runner, place_of, started
from dyetrace.controller.store.schema import FINAL, tasks
from dyetrace.controller.store.transitions import Taken, Transition, note, step, steps_of
from dyetrace.errors import TaskAlreadyActive, UnknownTask
from dyetrace.model.task import Task, TaskState, task_name

ATTEMPTS = 3  # at adding a task while the one in its way is just ending
NOBODY = {"runner_pid": None, "runner_started": None, "runner_host": None, "runner_until": None}

Admit = Callable[[Connection], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTask:
    """One row: what was asked, how far it is, and the answer as JSON once it is there."""

    id: str
    cloud: str
    filter: str
    state: TaskState
    opened_at: datetime
    finished_at: datetime | None
    request: Mapping[str, Any]
    answer: Mapping[str, Any] | None
    error: str | None
    tenant: str = ""  # whose task it is; "": the provider's


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUpTask:
    """A task that another process had begun, and for how long it has colored."""

    stored: StoredTask
    traced_for: timedelta


class TaskStore:
    """All tasks of this cloud's controllers."""

    def __init__(self, database: Database | str | None = None) -> None:
        """Use a database, or open one by its URL; None: the default SQLite file."""
        self.database = database if isinstance(database, Database) else Database(database)
        self.session = ""  # the controller's, whose next process takes its tasks up
        self._keys = RequestKeys(self.database)

    def close(self) -> None:
        """Close all connections."""
        self.database.close()

    def add(  # noqa: PLR0913 - what goes into one transaction
        self,
        task: Task,
        *,
        cloud: str,
        request: Mapping[str, Any],
        by: str | None = None,
        key: RequestKey | None = None,
        admit: Admit | None = None,
    ) -> str:
        """Store a new task that this process carries out, and give its id.

        The id is that of an earlier task if the same request came with the same key.
        admit may refuse it, in the same transaction. Raises what that raises,
        TaskAlreadyActive or RequestKeyReused. Tasks of dead runners give way.
        """
        until = stored_time(task.opened_at + task.limits.trace_time + timedelta(seconds=GRACE_S))
        if self.session:
            with self.database.reading() as connection:
                until = self.database.now(connection) + SESSION_LEASE
        runner = self._process(os.getpid()) | {"runner_until": until}
        return self._insert(_row(task, cloud, request) | runner, by, key, admit)

    def queue(
        self,
        task: Task,
        *,
        cloud: str,
        request: Mapping[str, Any],
        by: str | None = None,
        key: RequestKey | None = None,
    ) -> str:
        """Store a new task for whichever controller claims it; else like add."""
        return self._insert(_row(task, cloud, request) | {"queued": 1}, by, key)

    def claim(self, lease: timedelta) -> StoredTask | None:
        """Take the oldest task that waits for a runner; no other process gets it.

        The claim must be renewed before the lease is over.
        """
        self.fail_abandoned()
        with self.database.writing() as connection:
            row = connection.execute(
                select(tasks)
                .where(tasks.c.state == TaskState.NEW.value, tasks.c.runner_pid.is_(None))
                .order_by(tasks.c.opened_at, tasks.c.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            ).one_or_none()
            if row is None:
                return None
            until = self.database.now(connection) + lease
            _update(connection, row.id, **self._process(os.getpid()), runner_until=until)
        return stored_task(row)

    def renew(self, task_id: str, lease: timedelta) -> bool:
        """Keep a claim for longer; False: the task has ended, or is another's now."""
        with self.database.writing() as connection:
            changed = connection.execute(
                update(tasks)
                .where(
                    tasks.c.id == task_id,
                    tasks.c.state.not_in(FINAL),
                    *(tasks.c[name] == value for name, value in self._process(os.getpid()).items()),
                )
                .values(runner_until=self.database.now(connection) + lease)
            )
        return changed.rowcount == 1

    def keep_leases(self, task_ids: Collection[str]) -> None:
        """Let this controller's next process find these tasks, should this one die."""
        if not self.session or not task_ids:
            return
        with self.database.writing() as connection:
            connection.execute(
                update(tasks)
                .where(tasks.c.id.in_(task_ids), tasks.c.state.not_in(FINAL))
                .values(runner_until=self.database.now(connection) + SESSION_LEASE)
            )

    def take_up(self) -> list[TakenUpTask]:
        """Make this process the runner of what an earlier one of its session had begun."""
        if not self.session:
            return []
        mine = tasks.c.runner_host.endswith(f"/{self.session}", autoescape=True)
        with self.database.writing() as connection:
            now = self.database.now(connection)
            rows = connection.execute(
                select(tasks).where(mine, tasks.c.state.not_in(FINAL)).order_by(tasks.c.opened_at)
            ).all()
            for row in rows:
                until = now + SESSION_LEASE
                _update(connection, row.id, **self._process(os.getpid()), runner_until=until)
            return [
                TakenUpTask(
                    stored=stored_task(row), traced_for=_traced_for(connection, row.id, now)
                )
                for row in rows
            ]

    def run_by(self, task_id: str, pid: int) -> None:
        """Say which process of this host carries the task out."""
        with self.database.writing() as connection:
            _update(connection, task_id, **self._process(pid))

    def move(self, task_id: str, state: TaskState) -> None:
        """Take the handshake's next step; raises TaskEnded."""
        with self.database.writing() as connection:
            step(connection, task_id, state, Taken(at=self.database.now(connection)))

    def finish(
        self,
        task_id: str,
        state: TaskState,
        *,
        now: datetime,
        answer: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """End a task, with its answer or the reason why there is none; raises TaskEnded."""
        ended = {
            "finished_at": stored_time(now),
            "answer": dict(answer) if answer is not None else None,
            "error": error,
        }
        with self.database.writing() as connection:
            step(connection, task_id, state, Taken(at=self.database.now(connection)), **ended)

    def get(self, wanted: str, *, tenant: str | None = None) -> StoredTask:
        """Find a task by its id or an unambiguous beginning; raises UnknownTask.

        With a tenant, tasks of others are not even read, so that it takes no longer.
        """
        chosen = [tasks.c.id.startswith(wanted.lower(), autoescape=True)]
        if tenant is not None:
            chosen.append(tasks.c.tenant == tenant)
        with self.database.reading() as connection:
            rows = connection.execute(select(tasks).where(*chosen).limit(2)).all()
        if len(rows) != 1 or not wanted:
            raise UnknownTask(wanted=wanted)
        return stored_task(rows[0])

    def history(self, task_id: str) -> list[Transition]:
        """Give the steps of a task, by its full id, in the order they were taken."""
        with self.database.reading() as connection:
            return steps_of(connection, task_id)

    def list(self, *, text: str = "", limit: int = 100) -> list[StoredTask]:
        """Give the latest tasks, those first, whose filter contains a text."""
        self.fail_abandoned()
        with self.database.reading() as connection:
            rows = connection.execute(
                select(tasks)
                .where(tasks.c.filter.icontains(text, autoescape=True))
                .order_by(tasks.c.opened_at.desc(), tasks.c.id)
                .limit(limit)
            ).all()
        return [stored_task(row) for row in rows]

    def request_cancel(self, wanted: str, *, by: str | None = None) -> StoredTask:
        """Ask a task's runner to stop; what nobody runs yet ends here."""
        self.fail_abandoned()
        found = self.get(wanted)
        with self.database.writing() as connection:
            runner, state = connection.execute(
                select(tasks.c.runner_pid, tasks.c.state)
                .where(tasks.c.id == found.id)
                .with_for_update()
            ).one()
            _update(connection, found.id, cancel_requested=1)
            if runner is None and state not in FINAL:
                now = self.database.now(connection)
                taken = Taken(at=now, by=by)
                step(connection, found.id, TaskState.CANCELLED, taken, finished_at=now)
        return found

    def cancel_requested(self, task_ids: Collection[str]) -> set[str]:
        """Say which of these tasks somebody asked to stop, or has ended."""
        asked = or_(tasks.c.cancel_requested != 0, tasks.c.state.in_(FINAL))
        with self.database.reading() as connection:
            return set(
                connection.scalars(select(tasks.c.id).where(tasks.c.id.in_(task_ids), asked))
            )

    def is_cancel_requested(self, task_id: str) -> bool:
        """Whether somebody asked for this task to stop."""
        with self.database.reading() as connection:
            return bool(
                connection.scalar(select(tasks.c.cancel_requested).where(tasks.c.id == task_id))
            )

    def fail_abandoned(self) -> None:
        """End the tasks whose runner is gone: nobody else would.

        A claimed task of which nothing has been installed waits for another runner.
        """
        unended = select(tasks).where(tasks.c.state.not_in(FINAL), tasks.c.runner_pid.is_not(None))
        with self.database.reading() as connection:
            rows = connection.execute(unended).all()
            now = self.database.now(connection)
        if all(self._is_carried_out(row, now) for row in rows):
            return
        with self.database.writing() as connection:
            now = self.database.now(connection)
            for row in connection.execute(unended.with_for_update(skip_locked=True)).all():
                if not self._is_carried_out(row, now):
                    _give_up(connection, row, now)

    def _process(self, pid: int) -> dict[str, Any]:
        place = place_of(self.session)
        return {"runner_pid": pid, "runner_started": started(pid), "runner_host": place}

    def _is_carried_out(self, row: Row[Any], now: datetime) -> bool:
        runner = Runner(
            host=row.runner_host,
            pid=row.runner_pid,
            start=row.runner_started,
            until=row.runner_until,
        )
        return runner.is_alive(now, is_local=self.database.is_local)

    def _insert(
        self,
        row: dict[str, Any],
        by: str | None,
        key: RequestKey | None,
        admit: Admit | None = None,
    ) -> str:
        self.fail_abandoned()
        for attempt in range(1, ATTEMPTS + 1):
            earlier = self._keys.task_of(key) if key else None
            if earlier is not None:
                return earlier
            try:
                with self.database.writing() as connection:
                    if admit:
                        admit(connection)
                    connection.execute(insert(tasks).values(**row))
                    taken = Taken(at=self.database.now(connection), by=by)
                    note(connection, row["id"], None, TaskState.NEW, taken)
                    if key:
                        self._keys.keep(connection, key, task=row["id"])
                break
            except IntegrityError as error:
                if key and self._keys.task_of(key) is not None:
                    continue  # the same request, at the same moment
                self._refuse_second(row, error)
                if attempt == ATTEMPTS:
                    raise
        return str(row["id"])

    def _refuse_second(self, row: dict[str, Any], error: IntegrityError) -> None:
        with self.database.reading() as connection:
            active = connection.scalar(
                select(tasks.c.id).where(
                    tasks.c.cloud == row["cloud"],
                    tasks.c.tenant == row["tenant"],
                    tasks.c.filter == row["filter"],
                    tasks.c.state.not_in(FINAL),
                )
            )
        if active:
            raise TaskAlreadyActive(active=active) from error


def _row(task: Task, cloud: str, request: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": task_name(task.id),
        "cloud": cloud,
        "tenant": task.tenant,
        "filter": str(task.wanted),
        "state": task.state.value,
        "opened_at": stored_time(task.opened_at),
        "request": dict(request),
        "packets": task.limits.packet_count,
        "packets_per_second": task.limits.packets_per_second,
    }


def _give_up(connection: Connection, row: Row[Any], now: datetime) -> None:
    if row.queued and row.state == TaskState.NEW.value and not row.cancel_requested:
        _update(connection, row.id, **NOBODY)
        return
    if row.cancel_requested:
        state, why = TaskState.CANCELLED, "stopped by its user; its runner had died"
    else:
        state = TaskState.FAILED
        why = "the process that carried it out has died, and none took it up; its policies are gone"
    taken = Taken(at=now, by="its runner's death")
    step(connection, row.id, state, taken, finished_at=now, error=why)


def _traced_for(connection: Connection, task_id: str, now: datetime) -> timedelta:
    began = [
        step.at.replace(tzinfo=None)
        for step in steps_of(connection, task_id)
        if step.to_state is TaskState.TRACING
    ]
    return max(now - began[0], timedelta()) if began else timedelta()


def _update(connection: Connection, task_id: str, **values: object) -> None:
    connection.execute(update(tasks).where(tasks.c.id == task_id).values(**values))


def stored_task(row: Row[Any]) -> StoredTask:
    """Read a row."""
    return StoredTask(
        id=row.id,
        cloud=row.cloud,
        filter=row.filter,
        state=TaskState(row.state),
        opened_at=row.opened_at.replace(tzinfo=UTC),
        finished_at=row.finished_at.replace(tzinfo=UTC) if row.finished_at else None,
        request=row.request,
        answer=row.answer,
        error=row.error,
        tenant=row.tenant,
    )
