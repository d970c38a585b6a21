"""The routes of traces: add, list, result, events, export, stop."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from dyetrace.controller.api.access import Desk, Reader, Tracer, audit, seen_task, seen_tenant
from dyetrace.controller.api.asked import filter_of, request_key, tasks_asked
from dyetrace.controller.api.cursors import read_cursor, write_cursor
from dyetrace.controller.api.events import all_events, events
from dyetrace.controller.api.problems import responses
from dyetrace.controller.api.schemas import (
    AnswerOut,
    DryRunOut,
    PageIn,
    PageOut,
    StartedOut,
    TaskOut,
    TraceIn,
)
from dyetrace.controller.api.shown import answer_shown, task_shown
from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.price import price_json
from dyetrace.controller.principal import Principal
from dyetrace.controller.store import After, StoredTask, Wanted
from dyetrace.errors import NoAnswer
from dyetrace.wire.answer import Json, filter_json

router = APIRouter(prefix="/v1/traces", tags=["traces"])

TaskId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="A task's id.")]
Key = Annotated[str | None, Header(alias="Idempotency-Key", pattern=r"^[!-~]{1,200}$")]
Seen = Annotated[int, Header(alias="Last-Event-ID", ge=0, le=1_000_000)]
SOON = {"Retry-After": "1"}


@router.post(
    "",
    operation_id="addVTrace",
    status_code=202,
    responses={
        200: {"model": DryRunOut, "description": "What it would take; nothing was started."},
        202: {"model": StartedOut, "description": "It has been started."},
        **responses(404, 409, 429, 502),
    },
)
async def add_trace(
    wanted: TraceIn, request: Request, desk: Desk, principal: Tracer, idempotency_key: Key = None
) -> Response:
    """Start a diagnosis: dye packets of a flow, follow them, and say where they get lost.

    The same request with the same Idempotency-Key starts nothing twice. Answers with the
    price; the answer itself is at Location.
    """
    request.state.target = wanted.filter.model_dump_json(exclude_none=True)  # if it is refused
    asked = tasks_asked(wanted, principal)
    if wanted.dry_run:
        prices = [price_json(price) for price in await desk.prices(asked)]
        return JSONResponse({"dry_run": True, "prices": prices})
    key = request_key(idempotency_key, wanted, principal) if idempotency_key else None
    names, is_new = await desk.start(asked, by=principal.full_name, key=key)
    for name in names:
        outcome = "started" if is_new else "started before"
        await audit(desk, principal, "start", target=name, outcome=outcome)
    first: StoredTask = await asyncio.to_thread(desk.store.get, names[0])
    linked = first.request["linked"]
    content = task_shown(first, principal) | {
        "price": first.request["price"],
        "other": await _shown(desk, principal, linked) if linked else None,
    }
    location = request.app.url_path_for("get_trace", task_id=first.id)
    return JSONResponse(content, 202, {"Location": str(location), **SOON})


@router.get("", operation_id="listVTraces", response_model=PageOut, responses=responses())
async def list_traces(desk: Desk, principal: Reader, wanted: Annotated[PageIn, Query()]) -> Any:  # noqa: ANN401 - as PageOut
    """List tasks, the latest first."""
    chosen = Wanted(
        tenant=seen_tenant(principal),
        beginning=wanted.id or "",
        state=wanted.state,
        filter=filter_json(filter_of(wanted)),
        text=wanted.text,
    )
    after = read_cursor(wanted.cursor) if wanted.cursor is not None else None
    await asyncio.to_thread(desk.store.fail_abandoned)
    found = await asyncio.to_thread(desk.pages.read, chosen, after=after, limit=wanted.limit + 1)
    page = found[: wanted.limit]
    last = page[-1] if len(found) > wanted.limit else None
    return {
        "items": [task_shown(stored, principal) for stored in page],
        "next": write_cursor(After(opened_at=last.opened_at, id=last.id)) if last else None,
    }


@router.get(
    "/events",
    operation_id="watchVTraces",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: task, each time one has begun, stepped or ended.",
            "content": {"text/event-stream": {"schema": {}}},
        },
        **responses(429),
    },
)
async def watch_traces(request: Request, desk: Desk, principal: Reader) -> StreamingResponse:
    """Follow all tasks: those that are active, then each that changes; until you leave."""
    return StreamingResponse(
        request.app.state.streams.opened(principal, all_events(desk, principal)),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


@router.get(
    "/{task_id}",
    operation_id="getVTraceResult",
    response_model=None,
    responses={
        200: {"model": AnswerOut | TaskOut, "description": "The answer, or why there is none."},
        202: {"model": TaskOut, "description": "There is no answer yet."},
        **responses(404),
    },
)
async def get_trace(task_id: TaskId, desk: Desk, principal: Reader) -> Response:
    """Give a task's answer; the task itself while it has none, or if it failed."""
    stored = await seen_task(desk, principal, task_id)
    if stored.answer is not None:
        return JSONResponse(answer_shown(stored.answer, principal))
    if stored.state.is_final:
        return JSONResponse(task_shown(stored, principal))
    return JSONResponse(task_shown(stored, principal), 202, SOON)


@router.get(
    "/{task_id}/events",
    operation_id="watchVTrace",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: transition, progress, end.",
            "content": {"text/event-stream": {"schema": {}}},  # each is JSON of its own kind
        },
        **responses(404, 429),
    },
)
async def watch_trace(
    task_id: TaskId, request: Request, desk: Desk, principal: Reader, last_event_id: Seen = 0
) -> StreamingResponse:
    """Follow a task: all steps it has taken, then those it takes, with progress between them."""
    stored = await seen_task(desk, principal, task_id)
    told = events(desk, principal, stored.id, after=last_event_id)
    return StreamingResponse(
        request.app.state.streams.opened(principal, told),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store"},
    )


@router.get(
    "/{task_id}/export",
    operation_id="exportVTrace",
    response_model=None,
    responses={200: {"model": AnswerOut}, **responses(404, 409)},
)
async def export_trace(
    task_id: TaskId,
    desk: Desk,
    principal: Reader,
    format_: Annotated[str, Query(alias="format", pattern="^json$")] = "json",
) -> Response:
    """Give the answer as a file."""
    stored = await seen_task(desk, principal, task_id)
    if stored.answer is None:
        raise NoAnswer(task=stored.id, state=stored.state.value)
    await audit(desk, principal, "export", target=stored.id, outcome=format_)
    name = f"attachment; filename=dyetrace-{stored.id}.{format_}"
    return JSONResponse(
        answer_shown(stored.answer, principal), headers={"Content-Disposition": name}
    )


@router.delete(
    "/{task_id}",
    operation_id="stopVTrace",
    response_model=None,
    responses={
        200: {"model": TaskOut, "description": "It had ended before."},
        202: {"model": TaskOut, "description": "It is being stopped; what it saw is judged."},
        **responses(404),
    },
)
async def stop_trace(task_id: TaskId, desk: Desk, principal: Tracer) -> Response:
    """Stop a task: coloring ends, what was seen is judged, all hosts let go."""
    stored = await seen_task(desk, principal, task_id)
    if stored.state.is_final:
        return JSONResponse(task_shown(stored, principal))
    await asyncio.to_thread(desk.store.request_cancel, stored.id, by=principal.full_name)
    await audit(desk, principal, "stop", target=stored.id, outcome="asked")
    return JSONResponse(await _shown(desk, principal, stored.id), 202, SOON)


async def _shown(desk: Diagnoses, principal: Principal, name: str) -> Json:
    stored: StoredTask = await asyncio.to_thread(desk.store.get, name)
    return task_shown(stored, principal)
