"""Keys by which a client sends a request again without starting a second task."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from dyetrace.controller.store.database import Database, stored_time
from dyetrace.controller.store.schema import request_keys
from dyetrace.errors import RequestKeyReused


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestKey:
    """What a client sent along: its key, and a fingerprint of the request that it goes with."""

    principal: str  # each has keys of its own
    key: str
    fingerprint: str
    expires_at: datetime


class RequestKeys:
    """The keys that were used, with the tasks they stand for, until they expire."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def task_of(self, wanted: RequestKey) -> str | None:
        """Give the task that came of the same request before; raises RequestKeyReused."""
        with self._database.reading() as connection:
            row = connection.execute(
                select(request_keys).where(
                    request_keys.c.principal == wanted.principal,
                    request_keys.c.key == wanted.key,
                    request_keys.c.expires_at > self._database.now(connection),
                )
            ).one_or_none()
        if row is None:
            return None
        if row.fingerprint != wanted.fingerprint:
            raise RequestKeyReused(key=wanted.key)
        return str(row.task)

    def keep(self, connection: Connection, wanted: RequestKey, *, task: str) -> None:
        """Write a key down in the transaction that stores its task; old ones go.

        Raises IntegrityError if another process has just used it.
        """
        now = self._database.now(connection)
        connection.execute(delete(request_keys).where(request_keys.c.expires_at <= now))
        connection.execute(
            insert(request_keys).values(
                principal=wanted.principal,
                key=wanted.key,
                fingerprint=wanted.fingerprint,
                task=task,
                expires_at=stored_time(wanted.expires_at),
            )
        )
