"""Who did what, when, and what came of it: a log that the database itself lets only grow."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import insert, select

from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store.database import Database
from dyetrace.controller.store.schema import audit_log


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log."""

    seq: int
    at: datetime
    principal: str
    role: Role
    action: str
    target: str
    outcome: str


class AuditLog:
    """All that was started, stopped, exported and refused."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def write(self, principal: Principal, action: str, *, target: str, outcome: str) -> None:
        """Add a line: an action such as `start`, on a task or a filter, and what came of it."""
        with self._database.writing() as connection:
            connection.execute(
                insert(audit_log).values(
                    at=self._database.now(connection),
                    principal=principal.name,
                    role=principal.role.value,
                    action=action,
                    target=target,
                    outcome=outcome,
                )
            )

    def read(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Give lines in the order they were written, from the one after a number on."""
        with self._database.reading() as connection:
            rows = connection.execute(
                select(audit_log)
                .where(audit_log.c.seq > after)
                .order_by(audit_log.c.seq)
                .limit(limit)
            ).all()
        return [
            AuditEntry(
                seq=row.seq,
                at=row.at.replace(tzinfo=UTC),
                principal=row.principal,
                role=Role(row.role),
                action=row.action,
                target=row.target,
                outcome=row.outcome,
            )
            for row in rows
        ]
