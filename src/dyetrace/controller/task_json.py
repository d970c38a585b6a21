"""A task as JSON: the names that CLI and API share."""

from dyetrace.controller.store import StoredTask
from dyetrace.wire.answer import Json, rfc3339


def task_json(stored: StoredTask) -> Json:
    """Describe a task without its answer."""
    return {
        "id": stored.id,
        "cloud": stored.cloud,
        "state": stored.state.value,
        "filter": stored.filter,
        "opened_at": rfc3339(stored.opened_at),
        "finished_at": rfc3339(stored.finished_at) if stored.finished_at else None,
        "verdict": stored.answer["verdict"] if stored.answer else None,
        "error": stored.error,
    }
