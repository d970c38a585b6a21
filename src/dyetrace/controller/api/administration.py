"""The routes of administrators: quotas, and the audit log."""

import asyncio
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from dyetrace.controller.api.access import Admin, Desk, audit
from dyetrace.controller.api.problems import responses
from dyetrace.controller.api.schemas import (
    NAME,
    AuditIn,
    AuditOut,
    QuotaIn,
    QuotasOut,
)
from dyetrace.controller.audit_json import entry_json
from dyetrace.controller.store import AuditLog, QuotaStore
from dyetrace.errors import UnknownEndpoint

router = APIRouter(prefix="/v1", tags=["administration"])

TenantName = Annotated[str, Path(pattern=NAME, max_length=128, description="A tenant.")]


@router.get("/quotas", operation_id="listQuotas", response_model=QuotasOut, responses=responses())
async def list_quotas(desk: Desk, _: Admin) -> Any:  # noqa: ANN401 - as QuotasOut
    """Say what all tenants may have, what some may instead, and what each host may carry."""
    own = await asyncio.to_thread(QuotaStore(desk.store.database).list)
    return {
        "all": asdict(desk.admission.quota),
        "tenants": own,
        "host": asdict(desk.admission.host),
    }


@router.put(
    "/quotas/{tenant}",
    operation_id="setQuota",
    status_code=204,
    responses=responses(),
)
async def set_quota(
    tenant: TenantName, wanted: QuotaIn, request: Request, desk: Desk, principal: Admin
) -> None:
    """Give a tenant numbers of its own, from now on; what is null is as for all."""
    request.state.target = tenant
    own = wanted.model_dump()
    await asyncio.to_thread(QuotaStore(desk.store.database).set, tenant, own)
    said = ", ".join(f"{name} {number}" for name, number in own.items() if number is not None)
    await audit(desk, principal, "quota", target=tenant, outcome=said or "as for all")


@router.delete(
    "/quotas/{tenant}", operation_id="clearQuota", status_code=204, responses=responses(404)
)
async def clear_quota(tenant: TenantName, desk: Desk, principal: Admin) -> None:
    """Have a tenant be as all are."""
    quotas = QuotaStore(desk.store.database)
    if not await asyncio.to_thread(quotas.clear, tenant):
        known = await asyncio.to_thread(quotas.list)
        raise UnknownEndpoint(what="quota of a tenant", name=tenant, known=known)
    await audit(desk, principal, "quota", target=tenant, outcome="as for all")


@router.get("/audit", operation_id="readAudit", response_model=AuditOut, responses=responses())
async def read_audit(desk: Desk, _: Admin, wanted: Annotated[AuditIn, Query()]) -> Any:  # noqa: ANN401 - as AuditOut
    """Read who did what, when, and what came of it, in the order it happened."""
    lines = await asyncio.to_thread(
        AuditLog(desk.store.database).read,
        after=wanted.after,
        limit=wanted.limit + 1,
        principal=wanted.principal,
        action=wanted.action,
    )
    page = lines[: wanted.limit]
    return {
        "items": [entry_json(entry) for entry in page],
        "next": page[-1].seq if len(lines) > wanted.limit else None,
    }
