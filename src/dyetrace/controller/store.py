"""Tasks and their answers, kept in a database; SQLite unless told otherwise."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Row,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import IntegrityError

from dyetrace.errors import NotPermitted, StoreUnavailable, TaskAlreadyActive, UnknownTask
from dyetrace.model.task import Task, TaskState, task_name

DEFAULT_FOLDER = Path("/var/lib/dyetrace")
FINAL = [state.value for state in TaskState if state.is_final]

metadata = MetaData()
tasks = Table(
    "tasks",
    metadata,
    Column("id", String(16), primary_key=True),
    Column("cloud", String, nullable=False),
    Column("filter", String, nullable=False),  # canonical text: what "the same filter" means
    Column("state", String(16), nullable=False),
    Column("opened_at", DateTime, nullable=False),  # UTC
    Column("finished_at", DateTime),
    Column("request", JSON, nullable=False),
    Column("answer", JSON),
    Column("error", String),
    Column("cancel_requested", Integer, nullable=False, default=0),
    Column("runner_pid", Integer),
    Column("runner_started", Integer),  # from /proc: a reused pid is another process
)
Index(
    "one_active_task_per_filter",
    tasks.c.cloud,
    tasks.c.filter,
    unique=True,
    sqlite_where=tasks.c.state.not_in(FINAL),
    postgresql_where=tasks.c.state.not_in(FINAL),
)


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


class TaskStore:
    """All tasks of this controller."""

    def __init__(self, url: str | None = None) -> None:
        """Open, and create what is missing; None: the default SQLite file."""
        if url is None:
            url = f"sqlite:///{_state_folder() / 'dyetrace.db'}"
        self._engine = create_engine(url)
        event.listen(self._engine, "handle_error", _translate)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _let_readers_and_writers_meet)
        metadata.create_all(self._engine)

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def add(self, task: Task, *, cloud: str, request: Mapping[str, Any]) -> None:
        """Store a new task; raises TaskAlreadyActive. Tasks of dead runners give way."""
        self.fail_abandoned()
        row = {
            "id": task_name(task.id),
            "cloud": cloud,
            "filter": str(task.wanted),
            "state": task.state.value,
            "opened_at": task.opened_at.astimezone(UTC).replace(tzinfo=None),
            "request": dict(request),
            "runner_pid": os.getpid(),
            "runner_started": _started(os.getpid()),
        }
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(tasks).values(**row))
        except IntegrityError as error:
            with self._engine.connect() as connection:
                active = connection.scalar(
                    select(tasks.c.id).where(
                        tasks.c.cloud == cloud,
                        tasks.c.filter == row["filter"],
                        tasks.c.state.not_in(FINAL),
                    )
                )
            raise TaskAlreadyActive(active=active or "that has just ended") from error

    def run_by(self, task_id: str, pid: int) -> None:
        """Say which process carries the task out."""
        self._update(task_id, runner_pid=pid, runner_started=_started(pid))

    def move(self, task_id: str, state: TaskState) -> None:
        """Take the handshake's next step."""
        self._update(task_id, state=state.value)

    def finish(
        self,
        task_id: str,
        state: TaskState,
        *,
        now: datetime,
        answer: Mapping[str, Any] | None = None,
        error: str | None = None,
    ) -> None:
        """End a task, with its answer or the reason why there is none."""
        self._update(
            task_id,
            state=state.value,
            finished_at=now.astimezone(UTC).replace(tzinfo=None),
            answer=dict(answer) if answer is not None else None,
            error=error,
        )

    def get(self, wanted: str) -> StoredTask:
        """Find a task by its id or an unambiguous beginning; raises UnknownTask."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(tasks).where(tasks.c.id.startswith(wanted, autoescape=True)).limit(2)
            ).all()
        if len(rows) != 1 or not wanted:
            raise UnknownTask(wanted=wanted)
        return _stored(rows[0])

    def list(self, *, text: str = "", limit: int = 100) -> list[StoredTask]:
        """Give the latest tasks, those first, whose filter contains a text."""
        self.fail_abandoned()
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(tasks)
                .where(tasks.c.filter.contains(text, autoescape=True))
                .order_by(tasks.c.opened_at.desc())
                .limit(limit)
            ).all()
        return [_stored(row) for row in rows]

    def request_cancel(self, wanted: str) -> StoredTask:
        """Ask a task's runner to stop."""
        self.fail_abandoned()
        found = self.get(wanted)
        self._update(found.id, cancel_requested=1)
        return found

    def is_cancel_requested(self, task_id: str) -> bool:
        """Whether somebody asked for this task to stop."""
        with self._engine.connect() as connection:
            return bool(
                connection.scalar(select(tasks.c.cancel_requested).where(tasks.c.id == task_id))
            )

    def fail_abandoned(self) -> None:
        """End the tasks whose runner is gone: nobody else would."""
        with self._engine.connect() as connection:
            rows = connection.execute(
                select(tasks.c.id, tasks.c.runner_pid, tasks.c.runner_started).where(
                    tasks.c.state.not_in(FINAL)
                )
            ).all()
        for task_id, pid, started in rows:
            if started is None or _started(pid) != started:
                self._update(
                    task_id,
                    state=TaskState.FAILED.value,
                    finished_at=func.current_timestamp(),
                    error="the process that carried it out has died; its policies died with it",
                )

    def _update(self, task_id: str, **values: object) -> None:
        with self._engine.begin() as connection:
            connection.execute(update(tasks).where(tasks.c.id == task_id).values(**values))


def _stored(row: Row[Any]) -> StoredTask:
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
    )


def _state_folder() -> Path:
    """Make the folder for tasks; raises NotPermitted or StoreUnavailable."""
    folder = Path(os.environ.get("DYETRACE_STATE", DEFAULT_FOLDER))
    hint = "run as root, or set DYETRACE_STATE to a folder of yours"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except PermissionError as error:
        raise NotPermitted(f"cannot keep tasks in {folder}: {error.strerror}; {hint}") from error
    except OSError as error:
        raise StoreUnavailable(
            f"cannot keep tasks in {folder}: {error.strerror}; set DYETRACE_STATE to another folder"
        ) from error
    if os.geteuid() != 0 and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise NotPermitted(f"cannot keep tasks in {folder}: it is not yours; {hint}")
    return folder


def _translate(context: ExceptionContext) -> None:
    """Turn what the database says into our words; broken constraints are our own affair."""
    if isinstance(context.sqlalchemy_exception, IntegrityError):
        return
    where = context.engine.url.database if context.engine else "the database"
    raise StoreUnavailable(
        f"cannot keep tasks in {where}: {context.original_exception}; "
        "make room there, or set DYETRACE_STATE to another folder"
    ) from context.original_exception


def _let_readers_and_writers_meet(connection: Any, _: object) -> None:  # noqa: ANN401 - DB-API
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=5000")


def _started(pid: int | None) -> int | None:
    """Give a process's start time in clock ticks since boot; None when it is gone, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])
