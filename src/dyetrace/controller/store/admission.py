"""Whether a task may be added: counted in the transaction that adds it.

All controllers of a database take one lock for it, so that of two that count at the
same moment one sees what the other has added.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Connection, delete, func, insert, select, text

from dyetrace.controller.store.database import stored_time
from dyetrace.controller.store.quotas import Quota, quota_of
from dyetrace.controller.store.schema import FINAL, task_hosts, tasks
from dyetrace.errors import HostLimitReached, QuotaExceeded
from dyetrace.model.task import Limits, Task, task_name

LOCK = 0x61646D74  # "admt": the advisory lock of whoever adds
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostLimits:
    """What one host may carry for everybody; a host carries the tasks that color there.

    Logging is one for all tasks, so it is coloring by which a task costs a host something.
    """

    active_tasks: int = 50
    packets_per_second: int = 50_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """What holds for all; a tenant may have a quota of its own in the database."""

    quota: Quota = field(default_factory=Quota)
    host: HostLimits = field(default_factory=HostLimits)

    def admit(
        self,
        connection: Connection,
        task: Task,
        *,
        hosts: Sequence[str],
        with_it: Sequence[Limits] = (),
    ) -> None:
        """Count, and note at which hosts a task colors; raises what refuses it.

        with_it: other tasks of the same request, which are added next.
        """
        if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        self.check(connection, task, hosts=hosts, with_it=with_it)
        _forget_ended(connection)
        if hosts:
            rows = [{"task": task_name(task.id), "host": host} for host in hosts]
            connection.execute(insert(task_hosts), rows)

    def check(
        self,
        connection: Connection,
        task: Task,
        *,
        hosts: Sequence[str],
        with_it: Sequence[Limits] = (),
    ) -> None:
        """Raise what would refuse a task now; nothing is noted, nor waited for."""
        if task.tenant:
            self._check_tenant(connection, task, [task.limits, *with_it])
        self._check_hosts(connection, task, hosts)

    def _check_tenant(self, connection: Connection, task: Task, asked: Sequence[Limits]) -> None:
        quota = quota_of(connection, task.tenant, self.quota)
        if any(one.packet_count > quota.packets_per_task for one in asked):
            raise QuotaExceeded(what="packets per task", limit=quota.packets_per_task, passes=False)
        is_theirs = tasks.c.tenant == task.tenant
        active, rate = connection.execute(
            select(func.count(), func.coalesce(func.sum(tasks.c.packets_per_second), 0)).where(
                is_theirs, tasks.c.state.not_in(FINAL)
            )
        ).one()
        today = connection.execute(
            select(func.coalesce(func.sum(tasks.c.packets), 0)).where(
                is_theirs, tasks.c.opened_at > stored_time(task.opened_at) - DAY
            )
        ).scalar_one()
        for what, used, wanted, limit in (
            ("active tasks", active, len(asked), quota.active_tasks),
            (
                "packets per second",
                rate,
                sum(one.packets_per_second for one in asked),
                quota.packets_per_second,
            ),
            ("packets a day", today, sum(one.packet_count for one in asked), quota.packets_per_day),
        ):
            if used + wanted > limit:
                raise QuotaExceeded(what=what, limit=limit, passes=wanted <= limit)

    def _check_hosts(self, connection: Connection, task: Task, hosts: Sequence[str]) -> None:
        if not hosts:
            return
        carried = connection.execute(
            select(task_hosts.c.host, func.count(), func.sum(tasks.c.packets_per_second))
            .join(tasks, tasks.c.id == task_hosts.c.task)
            .where(task_hosts.c.host.in_(hosts), tasks.c.state.not_in(FINAL))
            .group_by(task_hosts.c.host)
        ).all()
        used = {host: (count, rate) for host, count, rate in carried}
        for host in sorted(hosts):
            count, rate = used.get(host, (0, 0))
            if count + 1 > self.host.active_tasks:
                raise HostLimitReached(host=host, what="active tasks", limit=self.host.active_tasks)
            if rate + task.limits.packets_per_second > self.host.packets_per_second:
                raise HostLimitReached(
                    host=host, what="colored packets per second", limit=self.host.packets_per_second
                )


def _forget_ended(connection: Connection) -> None:
    unended = select(tasks.c.id).where(tasks.c.state.not_in(FINAL))
    connection.execute(delete(task_hosts).where(task_hosts.c.task.not_in(unended)))
