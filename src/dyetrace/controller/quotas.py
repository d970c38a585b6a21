"""How much each tenant may trace."""

from dataclasses import dataclass

from dyetrace.controller.store import TaskPages
from dyetrace.errors import QuotaExceeded
from dyetrace.model.task import Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """The same for all tenants; the provider itself has none."""

    active_tasks: int = 5
    packets_per_task: int = 1000

    def check(self, tenant: str, asked: list[Limits], *, pages: TaskPages) -> None:
        """Raise QuotaExceeded where these tasks would be too many, or one of them too big."""
        if not tenant:
            return
        if any(limits.packet_count > self.packets_per_task for limits in asked):
            raise QuotaExceeded(what="packets per task", limit=self.packets_per_task, passes=False)
        if pages.count_active(tenant) + len(asked) > self.active_tasks:
            raise QuotaExceeded(
                what="active tasks",
                limit=self.active_tasks,
                passes=len(asked) <= self.active_tasks,
            )
