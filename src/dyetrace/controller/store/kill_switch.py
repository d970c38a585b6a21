"""The kill switch: pulled once, it stands for all controllers and after every restart."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from dyetrace.controller.store.database import Database
from dyetrace.controller.store.schema import kill_switch


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """Who pulled it, when, and why."""

    at: datetime
    by: str
    reason: str


class KillSwitch:
    """Whether tracing is stopped altogether."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def pull(self, *, by: str, reason: str) -> None:
        """Refuse new tasks from now on."""
        with self._database.writing() as connection:
            now = self._database.now(connection)
            connection.execute(delete(kill_switch))
            connection.execute(insert(kill_switch).values(id=1, at=now, by=by, reason=reason))

    def release(self) -> None:
        """Take new tasks again."""
        with self._database.writing() as connection:
            connection.execute(delete(kill_switch))

    def pulled(self) -> Pulled | None:
        """Say who has pulled it; None: nobody has."""
        with self._database.reading() as connection:
            row = connection.execute(select(kill_switch)).one_or_none()
        return Pulled(at=row.at.replace(tzinfo=UTC), by=row.by, reason=row.reason) if row else None
