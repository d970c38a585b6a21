"""Server-sent events: a task's steps and progress from its beginning to its end; or all tasks."""

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from dyetrace.controller.api.access import seen_tenant
from dyetrace.controller.api.shown import step_shown, task_shown
from dyetrace.controller.changes import Changes
from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.diagnosis import Progress
from dyetrace.controller.principal import Principal
from dyetrace.wire.answer import Json

LOOK_EVERY_S = 1.0  # at tasks that another process carries out, and to keep the line open


async def events(
    diagnoses: Diagnoses, principal: Principal, name: str, *, after: int = 0
) -> AsyncGenerator[bytes, None]:
    """Tell every step after the given number, progress between them, and the end."""
    told, shown, store = after, None, diagnoses.store
    while True:
        live = diagnoses.live(name)
        progress = live.progress if live else None
        steps = await asyncio.to_thread(store.history, name)
        for number, step in enumerate(steps[told:], start=told + 1):
            yield _event("transition", step_shown(step, principal), number=number)
        told = max(told, len(steps))
        if progress is not None and progress != shown:
            shown = progress
            yield _event("progress", _progress(progress, principal))
        if (steps and steps[-1].to_state.is_final) or diagnoses.is_leaving:
            yield _event("end", {"state": steps[-1].to_state.value if steps else None})
            return
        if live is None:
            await asyncio.to_thread(store.fail_abandoned)
            await asyncio.sleep(LOOK_EVERY_S)
        else:
            await live.changed(within_s=LOOK_EVERY_S)
        if progress == shown:
            yield b": waiting\n\n"


async def all_events(diagnoses: Diagnoses, principal: Principal) -> AsyncGenerator[bytes, None]:
    """Tell the tasks that are active, then each that has begun, stepped or ended."""
    changes = Changes(store=diagnoses.store, tenant=seen_tenant(principal))
    while not diagnoses.is_leaving:
        for stored in await asyncio.to_thread(changes.look):
            yield _event("task", task_shown(stored, principal))
        yield b": waiting\n\n"
        await asyncio.sleep(LOOK_EVERY_S)
    yield _event("end", {})


def _progress(progress: Progress, principal: Principal) -> Json:
    facts = {
        "state": progress.state.value,
        "colored": progress.colored,
        "wanted": progress.wanted,
        "elapsed_s": round(progress.elapsed_s, 3),
    }
    # Notes name hosts.
    return facts if principal.role.is_of_tenant else facts | {"text": progress.text}


def _event(kind: str, facts: Json, *, number: int | None = None) -> bytes:
    numbered = b"" if number is None else f"id: {number}\n".encode()
    data = msgspec.json.encode(facts)
    return numbered + f"event: {kind}\n".encode() + b"data: " + data + b"\n\n"
