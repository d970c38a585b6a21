"""What has changed among tasks since one last looked."""

from dataclasses import dataclass, field

from dyetrace.controller.store import StoredTask, TaskPages, TaskStore, Wanted
from dyetrace.errors import UnknownTask
from dyetrace.model.task import TaskState

MOST_ACTIVE = 1000
LATEST = 50  # among these are those that began, and perhaps ended, since


@dataclass(slots=True, kw_only=True)
class Changes:
    """Looks at a store again and again; of one tenant's tasks, or of all."""

    store: TaskStore
    tenant: str | None = None
    _seen: dict[str, TaskState] = field(default_factory=dict)
    _has_looked: bool = False

    def look(self) -> list[StoredTask]:
        """Give tasks whose state is new, the oldest first; at first, those that are active."""
        self.store.fail_abandoned()
        pages = TaskPages(self.store.database)
        active = pages.read(Wanted(tenant=self.tenant, is_active=True), limit=MOST_ACTIVE)
        found = {one.id: one for one in active}
        latest = pages.read(Wanted(tenant=self.tenant), limit=LATEST)
        if self._has_looked:
            found |= {one.id: one for one in latest}
            found |= self._ended_since(found)
        news = [one for one in found.values() if self._seen.get(one.id) is not one.state]
        # What has ended stays ended; it is kept for as long as it may be among the latest.
        kept = (*found.values(), *latest)
        self._seen = {one.id: one.state for one in kept}
        self._has_looked = True
        return sorted(news, key=lambda one: (one.opened_at, one.id))

    def _ended_since(self, found: dict[str, StoredTask]) -> dict[str, StoredTask]:
        """Read those that were active, and are neither that nor among the latest."""
        gone = [
            name for name, state in self._seen.items() if not state.is_final and name not in found
        ]
        ended: dict[str, StoredTask] = {}
        for name in gone:
            try:
                ended[name] = self.store.get(name)
            except UnknownTask:
                continue
        return ended
