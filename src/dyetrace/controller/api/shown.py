"""Tasks and answers as somebody may see them."""

from typing import Any

from dyetrace.controller.principal import Principal
from dyetrace.controller.store import StoredTask, Transition
from dyetrace.controller.task_json import task_json
from dyetrace.model.task import TaskState
from dyetrace.wire.answer import Json, rfc3339
from dyetrace.wire.tenant_view import PROVIDER, as_tenant

FAILED_INSIDE = "it failed in the provider's network"
STOPPED = "it was stopped"


def task_shown(stored: StoredTask, principal: Principal) -> Json:
    """Write a task, for a tenant without what its error tells of the provider."""
    facts = task_json(stored) | {
        "direction": stored.request.get("direction", "there"),
        "linked": stored.request.get("linked"),
    }
    if principal.role.is_of_tenant:
        facts["cloud"] = PROVIDER
        if stored.error is not None:
            is_stopped = stored.state is TaskState.CANCELLED
            facts["error"] = STOPPED if is_stopped else FAILED_INSIDE
    return facts


def answer_shown(answer: Any, principal: Principal) -> Json:  # noqa: ANN401 - straight from JSON
    """Write an answer, folded for a tenant."""
    return as_tenant(answer, principal.tenant) if principal.role.is_of_tenant else dict(answer)


def step_shown(step: Transition, principal: Principal) -> Json:
    """Write one step of a task; which process took it is the provider's affair."""
    facts = {
        "from": step.from_state.value if step.from_state else None,
        "to": step.to_state.value,
        "at": rfc3339(step.at),
    }
    return facts if principal.role.is_of_tenant else facts | {"by": step.by}
