"""Every error as an RFC 9457 problem, mapped in this one place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from dyetrace import errors
from dyetrace.controller.api.schemas import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_SOON_S = "5"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How one condition is told."""

    status: int
    code: str
    title: str
    facts: tuple[str, ...] = ()  # the error's fields that go with it
    headers: Mapping[str, str] = field(default_factory=dict)
    hidden: str = ""  # said to tenants instead: the error's own words may tell of the provider


RETRY = {"Retry-After": RETRY_SOON_S}
INSIDE = "part of the provider's network cannot be traced now: try again later"
KINDS: dict[type[errors.DyetraceError], Kind] = {
    errors.InvalidRequest: Kind(status=422, code="INVALID_REQUEST", title="Invalid request"),
    errors.UnknownEndpoint: Kind(
        status=404,
        code="UNKNOWN_ENDPOINT",
        title="Unknown endpoint",
        facts=("what", "name", "nearest"),
    ),
    errors.AmbiguousEndpoint: Kind(
        status=422, code="AMBIGUOUS_ENDPOINT", title="Ambiguous endpoint", facts=("tenants", "vms")
    ),
    errors.NoSource: Kind(status=422, code="NO_SOURCE", title="No source is known"),
    errors.TaskAlreadyActive: Kind(
        status=409,
        code="TASK_ALREADY_ACTIVE",
        title="The same filter is being traced",
        facts=("active",),
    ),
    errors.UnknownTask: Kind(status=404, code="UNKNOWN_TASK", title="Unknown task"),
    errors.TaskEnded: Kind(status=409, code="TASK_ENDED", title="The task has ended"),
    errors.NoAnswer: Kind(status=409, code="NO_ANSWER", title="There is no answer"),
    errors.RequestKeyReused: Kind(
        status=422, code="REQUEST_KEY_REUSED", title="Idempotency-Key of another request"
    ),
    errors.TokenRefused: Kind(
        status=401,
        code="TOKEN_REFUSED",
        title="Token refused",
        headers={"WWW-Authenticate": 'Bearer realm="dyetrace"'},
    ),
    errors.IdentityProviderUnreachable: Kind(
        status=503,
        code="IDENTITY_PROVIDER_UNREACHABLE",
        title="Identity provider unreachable",
        headers={"Retry-After": "10"},
        hidden="signed tokens cannot be checked now: try again later",
    ),
    errors.NotPermitted: Kind(status=403, code="NOT_PERMITTED", title="Not permitted"),
    errors.QuotaExceeded: Kind(
        status=429, code="QUOTA_EXCEEDED", title="Quota exceeded", facts=("what", "limit")
    ),
    errors.HostLimitReached: Kind(
        status=429,
        code="HOST_LIMIT_REACHED",
        title="A host carries as much as it may",
        facts=("host", "what", "limit"),
        headers=RETRY,
        hidden="part of the provider's network traces as much as it may: try again later, or ask "
        "for fewer packets per second",
    ),
    errors.TracingStopped: Kind(
        status=503, code="TRACING_STOPPED", title="Tracing is stopped", hidden="tracing is stopped"
    ),
    errors.AgentUnreachable: Kind(
        status=503, code="AGENT_UNREACHABLE", title="Agent unreachable", headers=RETRY,
        hidden=INSIDE,
    ),
    errors.PolicyRefused: Kind(
        status=502, code="POLICY_REFUSED", title="Policy refused", hidden=INSIDE
    ),
    errors.StoreUnavailable: Kind(
        status=503, code="STORE_UNAVAILABLE", title="Store unavailable", headers=RETRY,
        hidden="tasks cannot be kept now: try again later",
    ),
    errors.DyetraceError: Kind(
        status=500, code="ERROR", title="Error", hidden="something failed in the provider's network"
    ),
}  # fmt: skip
INVALID = ("INVALID_REQUEST", "Invalid request")
BY_STATUS = {404: ("NOT_FOUND", "Not found"), 405: ("METHOD_NOT_ALLOWED", "Method not allowed")}


def kind_of(error: errors.DyetraceError) -> Kind:
    """Find the closest kind of an error."""
    return next(KINDS[known] for known in type(error).__mro__ if known in KINDS)


def add_problems(app: FastAPI) -> None:
    """Have all errors told as problems."""
    app.add_exception_handler(errors.DyetraceError, _condition)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _bug)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document which problems a route may answer with."""
    return {
        status: {
            "model": Problem,
            "description": "A problem.",
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 403, 422, 503, *statuses})
    }


def problem(  # noqa: PLR0913 - the parts of a problem
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Write a problem."""
    content = {
        "type": f"urn:dyetrace:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        **(facts or {}),
    }
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


async def _condition(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, errors.DyetraceError):
        raise error
    kind = kind_of(error)
    principal = getattr(request.state, "principal", None)
    is_tenants = principal is None or principal.role.is_of_tenant
    hides = is_tenants and bool(kind.hidden)
    detail = kind.hidden if hides else str(error)
    facts = {} if hides else {name: getattr(error, name) for name in kind.facts}
    headers = dict(kind.headers)
    await request.app.state.refusals.note(request, kind.code, error)
    if isinstance(error, errors.QuotaExceeded) and error.passes:
        headers |= RETRY
    return problem(kind.status, kind.code, kind.title, detail, facts=facts, headers=headers)


async def _validation(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    await request.app.state.refusals.note(request, INVALID[0])
    found = [{"at": "/".join(map(str, one["loc"])), "text": one["msg"]} for one in error.errors()]
    detail = "; ".join(f"{one['at']}: {one['text']}" for one in found)
    return problem(422, *INVALID, detail, facts={"errors": found})


async def _http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    status = error.status_code
    code, title = BY_STATUS.get(status, ("HTTP_ERROR", "Error"))
    if status == HTTPStatus.BAD_REQUEST:  # a body that is no JSON in UTF-8
        status, (code, title) = 422, INVALID
    await request.app.state.refusals.note(request, code)
    return problem(status, code, title, str(error.detail), headers=error.headers)


async def _bug(_: Request, __: Exception) -> JSONResponse:
    """Tell nothing of a bug: starlette logs it."""
    return problem(500, "BUG", "Internal error", "this is a bug in dyetrace: see the log")
