"""How much each tenant may trace, where that differs from what all may."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, delete, insert, select

from dyetrace.controller.store.database import Database
from dyetrace.controller.store.schema import quotas


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What one tenant may have."""

    active_tasks: int = 5
    packets_per_task: int = 1000
    packets_per_second: int = 5000  # all its active tasks together
    packets_per_day: int = 100_000  # asked for in the last 24 hours

    def with_own(self, own: Mapping[str, int | None]) -> "Quota":
        """Lay a tenant's own numbers over these."""
        return replace(self, **{name: n for name, n in own.items() if n is not None})


NAMES = tuple(field.name for field in fields(Quota))


class QuotaStore:
    """The tenants that have numbers of their own; None: as for all."""

    def __init__(self, database: Database) -> None:
        """Share a database."""
        self._database = database

    def set(self, tenant: str, own: Mapping[str, int | None]) -> None:
        """Give a tenant numbers of its own, instead of those it had."""
        with self._database.writing() as connection:
            connection.execute(delete(quotas).where(quotas.c.tenant == tenant))
            connection.execute(insert(quotas).values(tenant=tenant, **own))

    def clear(self, tenant: str) -> bool:
        """Have a tenant be as all are; False: it was."""
        with self._database.writing() as connection:
            return connection.execute(delete(quotas).where(quotas.c.tenant == tenant)).rowcount > 0

    def list(self) -> dict[str, dict[str, int | None]]:
        """Give all tenants' own numbers."""
        with self._database.reading() as connection:
            rows = connection.execute(select(quotas).order_by(quotas.c.tenant)).all()
        return {row.tenant: {name: getattr(row, name) for name in NAMES} for row in rows}


def quota_of(connection: Connection, tenant: str, default: Quota) -> Quota:
    """Give what holds for a tenant."""
    row = connection.execute(select(quotas).where(quotas.c.tenant == tenant)).one_or_none()
    return default.with_own({name: getattr(row, name) for name in NAMES}) if row else default
