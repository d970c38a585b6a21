"""Tasks page by page, by what was asked and who asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select

from dyetrace.controller.store.database import Database, stored_time
from dyetrace.controller.store.schema import FINAL, tasks
from dyetrace.controller.store.tasks import StoredTask, stored_task
from dyetrace.model.task import TaskState


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """The last task of the page before."""

    opened_at: datetime
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which tasks; what is left out matches all."""

    tenant: str | None = None
    beginning: str = ""  # of its id
    state: TaskState | None = None
    is_active: bool = False  # True: only those that have not ended
    filter: Mapping[str, str | int] = field(default_factory=dict)  # by the request's names
    text: str = ""  # within the filter's canonical text


class TaskPages:
    """The tasks of a store, the latest first."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def read(
        self, wanted: Wanted, *, after: After | None = None, limit: int = 100
    ) -> list[StoredTask]:
        """Give the tasks that follow one in the list."""
        chosen = list(_conditions(wanted))
        if after is not None:
            opened_at = stored_time(after.opened_at)
            chosen.append(
                or_(
                    tasks.c.opened_at < opened_at,
                    and_(tasks.c.opened_at == opened_at, tasks.c.id > after.id),
                )
            )
        with self._database.reading() as connection:
            rows = connection.execute(
                select(tasks)
                .where(*chosen)
                .order_by(tasks.c.opened_at.desc(), tasks.c.id)
                .limit(limit)
            ).all()
        return [stored_task(row) for row in rows]

    def read_active(self) -> list[StoredTask]:
        """Give all tasks that have not ended."""
        with self._database.reading() as connection:
            rows = connection.execute(select(tasks).where(tasks.c.state.not_in(FINAL))).all()
        return [stored_task(row) for row in rows]


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.tenant is not None:
        yield tasks.c.tenant == wanted.tenant
    if wanted.beginning:
        yield tasks.c.id.startswith(wanted.beginning, autoescape=True)
    if wanted.is_active:
        yield tasks.c.state.not_in(FINAL)
    if wanted.state is not None:
        yield tasks.c.state == wanted.state.value
    if wanted.text:
        yield tasks.c.filter.icontains(wanted.text, autoescape=True)
    for name, value in wanted.filter.items():
        stored = tasks.c.request["filter", name]
        is_number = isinstance(value, int)
        yield (stored.as_integer() if is_number else stored.as_string()) == value
