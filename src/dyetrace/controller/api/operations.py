"""The routes of whoever runs the controller: health, metrics, the kill switch."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from dyetrace.controller.api.access import Admin, Desk, Provider, audit
from dyetrace.controller.api.problems import responses
from dyetrace.controller.api.schemas import AgentsOut, KillIn, KillOut, Problem, Ready
from dyetrace.controller.roll import entry_json
from dyetrace.errors import TracingStopped

router = APIRouter(tags=["operations"])


@router.get("/healthz", operation_id="health")
async def health() -> Ready:
    """Say that the process answers."""
    return Ready(status="ok")


@router.get(
    "/readyz",
    operation_id="ready",
    responses={503: {"model": Problem, "description": "It would refuse new tasks."}},
)
async def ready(request: Request, desk: Desk) -> Ready:
    """Say that tasks can be kept, would not be refused, and that agents can come in."""
    pulled = await asyncio.to_thread(desk.switch.pulled)
    if desk.is_leaving or pulled is not None:
        raise TracingStopped("no task is taken now")
    if not request.app.state.is_open():
        raise TracingStopped("no agent can come in by the gate: see the controller's log")
    return Ready(status="ok")


@router.get(
    "/v1/agents", operation_id="listAgents", response_model=AgentsOut, responses=responses()
)
async def list_agents(
    request: Request,
    _: Provider,
    *,
    checks: Annotated[bool, Query(description="Have each host examined.")] = False,
) -> Any:  # noqa: ANN401 - as AgentsOut
    """Ask all agents how they do; with `checks`, whether their hosts can trace."""
    entries = await request.app.state.roll.call(checks=checks)
    return {"items": [entry_json(entry) for entry in entries]}


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=PlainTextResponse,
    responses=responses(),
)
async def metrics(request: Request, desk: Desk, _: Provider) -> Response:
    """Give Prometheus what it scrapes."""
    pulled = await asyncio.to_thread(desk.switch.pulled)
    text = request.app.state.meters.text(active=desk.active, is_stopped=pulled is not None)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.post(
    "/v1/kill", operation_id="pullKillSwitch", response_model=KillOut, responses=responses()
)
async def pull(why: KillIn, desk: Desk, principal: Admin) -> Any:  # noqa: ANN401 - as KillOut
    """Cancel all tasks, let all hosts go, and refuse new tasks until the switch is released."""
    cancelled = await desk.kill(by=principal.full_name, reason=why.reason)
    await audit(desk, principal, "kill", target=why.reason, outcome=f"{cancelled} cancelled")
    return {"cancelled": cancelled}


@router.delete("/v1/kill", operation_id="releaseKillSwitch", status_code=204, responses=responses())
async def release(desk: Desk, principal: Admin) -> None:
    """Take new tasks again."""
    await asyncio.to_thread(desk.switch.release)
    await audit(desk, principal, "release", target="kill switch", outcome="released")
