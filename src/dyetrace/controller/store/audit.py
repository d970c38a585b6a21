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
    principal: str  # a tenant's with the tenant before it; "": nobody who is known
    role: Role | None
    action: str
    target: str
    outcome: str


class AuditLog:
    """All that was started, stopped, exported and refused."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def write(self, principal: Principal | None, action: str, *, target: str, outcome: str) -> None:
        """Add a line: an action such as `start`, on a task or a filter, and what came of it."""
        with self._database.writing() as connection:
            connection.execute(
                insert(audit_log).values(
                    at=self._database.now(connection),
                    principal=principal.full_name if principal else "",
                    role=principal.role.value if principal else "",
                    action=action,
                    target=target,
                    outcome=outcome,
                )
            )

    def read(
        self, *, after: int = 0, limit: int = 1000, principal: str = "", action: str = ""
    ) -> list[AuditEntry]:
        """Give lines in the order they were written, from the one after a number on.

        principal, action: only theirs; empty: of all.
        """
        chosen = [audit_log.c.seq > after]
        if principal:
            chosen.append(audit_log.c.principal == principal)
        if action:
            chosen.append(audit_log.c.action == action)
        with self._database.reading() as connection:
            rows = connection.execute(
                select(audit_log).where(*chosen).order_by(audit_log.c.seq).limit(limit)
            ).all()
        return [
            AuditEntry(
                seq=row.seq,
                at=row.at.replace(tzinfo=UTC),
                principal=row.principal,
                role=Role(row.role) if row.role else None,
                action=row.action,
                target=row.target,
                outcome=row.outcome,
            )
            for row in rows
        ]
