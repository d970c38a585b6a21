"""Who asks, what they may see and do, and the log of what they did."""

import asyncio
from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.oidc.provider import IdentityProvider, looks_signed
from dyetrace.controller.principal import Principal, Role
from dyetrace.controller.store import AuditLog, StoredTask, TokenStore
from dyetrace.errors import NotPermitted, TokenRefused

READERS = frozenset({Role.TENANT_READER, Role.TENANT, Role.OPERATOR, Role.ADMIN})
TRACERS = frozenset({Role.TENANT, Role.OPERATOR, Role.ADMIN})
PROVIDERS = frozenset({Role.OPERATOR, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

BEARER = "A token of `dyetrace token create`, or a signed one (JWT) of the identity provider."

bearer = HTTPBearer(auto_error=False, description=BEARER)


def diagnoses_of(request: Request) -> Diagnoses:
    """Give what carries tasks out."""
    return cast("Diagnoses", request.app.state.diagnoses)


async def principal_of(
    request: Request,
    shown: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
    diagnoses: Annotated[Diagnoses, Depends(diagnoses_of)],
) -> Principal:
    """Know who asks by their token, ours or the identity provider's; raises what refuses it."""
    if shown is None:
        raise TokenRefused
    provider: IdentityProvider | None = request.app.state.identity_provider
    if provider is not None and looks_signed(shown.credentials):
        found = await provider.principal_of(shown.credentials)
    else:
        tokens = TokenStore(diagnoses.store.database)
        found = await asyncio.to_thread(tokens.principal_of, shown.credentials)
    request.state.principal = found
    return found


def may(roles: frozenset[Role]) -> Callable[..., object]:
    """Let only these roles in."""

    async def check(principal: Annotated[Principal, Depends(principal_of)]) -> Principal:
        if principal.role not in roles:
            raise NotPermitted(f"role {principal.role.value} may not do this")
        return principal

    return check


Desk = Annotated[Diagnoses, Depends(diagnoses_of)]
Reader = Annotated[Principal, Depends(may(READERS))]
Tracer = Annotated[Principal, Depends(may(TRACERS))]
Provider = Annotated[Principal, Depends(may(PROVIDERS))]
Admin = Annotated[Principal, Depends(may(ADMINS))]


async def audit(
    diagnoses: Diagnoses, principal: Principal, action: str, *, target: str, outcome: str
) -> None:
    """Write a line of the audit log."""
    written = AuditLog(diagnoses.store.database)
    await asyncio.to_thread(written.write, principal, action, target=target, outcome=outcome)


async def seen_task(diagnoses: Diagnoses, principal: Principal, name: str) -> StoredTask:
    """Give a task; one of another tenant's is as unknown as one that never was."""
    await asyncio.to_thread(diagnoses.store.fail_abandoned)
    found: StoredTask = await asyncio.to_thread(
        diagnoses.store.get, name, tenant=seen_tenant(principal)
    )
    return found


def seen_tenant(principal: Principal) -> str | None:
    """Give the only tenant that somebody sees; None: they see all, and the provider's."""
    return principal.tenant if principal.role.is_of_tenant else None
