"""A controller's API, asked from the command line; its problems are our errors again."""

import json
import re
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from dyetrace.cli.contexts import LOCAL, load_contexts
from dyetrace.errors import (
    AgentUnreachable,
    DyetraceError,
    InvalidRequest,
    NotPermitted,
    UnknownTask,
)

Json = Any
WITHIN_S = 30.0
ID_LENGTH = 16
ID = re.compile(rf"[0-9a-f]{{1,{ID_LENGTH}}}")
BY_STATUS: Mapping[int, type[DyetraceError]] = {
    401: NotPermitted, 403: NotPermitted, 404: InvalidRequest, 422: InvalidRequest,
    502: AgentUnreachable, 503: AgentUnreachable,
}  # fmt: skip
# What ends with another status than its neighbours, as the same error does without a controller.
PLAIN = {"NO_SOURCE", "POLICY_REFUSED", "STORE_UNAVAILABLE", "TRACING_STOPPED"}
PLAIN |= {"IDENTITY_PROVIDER_UNREACHABLE"}


class RemoteProblem(DyetraceError):
    """The controller refuses, or fails."""


class _NoRedirect(HTTPRedirectHandler):
    """A token goes to the server it is for, and nowhere else."""

    def redirect_request(self, *_: Any) -> None:  # noqa: ANN401 - whatever urllib gives
        """Follow none."""


class Remote:
    """One controller."""

    def __init__(self, server: str, token_file: str) -> None:
        """Take its address, and read the token; raises InvalidRequest or NotPermitted."""
        self.server = checked_url(server)
        try:
            token = Path(token_file).read_text(encoding="ascii").strip()
        except OSError as error:
            raise NotPermitted(f"cannot read {token_file}: {error.strerror}") from error
        except ValueError as error:
            raise InvalidRequest(f"{token_file} holds no token") from error
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._opener: OpenerDirector = build_opener(_NoRedirect)

    def ask(
        self, method: str, path: str, body: Json = None, **query: str | int
    ) -> tuple[int, Json]:
        """Send a request; gives status and content, or raises the error that the problem means."""
        tail = f"?{urlencode(query)}" if query else ""
        with self._open(method, path + tail, body) as told:
            content = told.read()
            return int(told.status), json.loads(content) if content else None

    def task_path(self, name: str) -> str:
        """Give where a task is, by its id or an unambiguous beginning; raises UnknownTask."""
        wanted = name.lower()
        if ID.fullmatch(wanted) is None:
            raise UnknownTask(wanted=name)
        if len(wanted) < ID_LENGTH:
            _, page = self.ask("GET", "/v1/traces", id=wanted, limit=2)
            if len(page["items"]) != 1:
                raise UnknownTask(wanted=name)
            wanted = page["items"][0]["id"]
        return f"/v1/traces/{wanted}"

    def task(self, path: str) -> tuple[Json, Json | None]:
        """Give a task and, where there is one, its answer."""
        name = path.rpartition("/")[2]
        _, page = self.ask("GET", "/v1/traces", id=name, limit=1)
        if not page["items"]:
            raise UnknownTask(wanted=name)
        _, told = self.ask("GET", path)
        return page["items"][0], told if "summary" in told else None

    def events(self, path: str) -> Iterator[tuple[str, Json]]:
        """Follow a stream of events until it ends."""
        kind = ""
        with self._open("GET", path, None) as told:
            for raw in told:
                field, _, value = raw.decode().rstrip("\n").partition(": ")
                if field == "event":
                    kind = value
                elif field == "data":
                    yield kind, json.loads(value)

    def _open(self, method: str, path: str, body: Json) -> Any:  # noqa: ANN401 - as urllib's
        data = json.dumps(body).encode() if body is not None else None
        request = Request(self.server + path, data, self._headers, method=method)  # noqa: S310 - checked_url
        try:
            return self._opener.open(request, timeout=WITHIN_S)
        except HTTPError as error:
            raise _meant(error) from error
        except (URLError, OSError, HTTPException) as error:
            why = getattr(error, "reason", error)
            raise AgentUnreachable(f"no controller at {self.server}: {why}") from error


def remote_of(
    server: str | None, token_file: str | None, *, is_local: bool = False
) -> Remote | None:
    """Find the controller to ask: the one named, else the context's; None: there is none.

    is_local: something was asked for that only this machine can do.
    """
    if server is not None:
        if token_file is None:
            raise InvalidRequest("--server needs --token-file")
        return Remote(server, token_file)
    contexts = load_contexts()
    if is_local or contexts.current == LOCAL:
        return None
    if contexts.current not in contexts.known:
        raise InvalidRequest(f"no context {contexts.current!r}: `dyetrace context use local`")
    chosen = contexts.known[contexts.current]
    return Remote(chosen.server, token_file or chosen.token_file)


def checked_url(text: str) -> str:
    """Take a controller's URL; raises InvalidRequest."""
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise InvalidRequest(f"{text!r} is no URL") from error
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        raise InvalidRequest(f"{text!r} is no URL: write http://HOST:PORT or https://HOST:PORT")
    return text.rstrip("/")


def tenant_path(tenant: str) -> str:
    """Where a tenant's quota is."""
    return f"/v1/quotas/{quote(tenant, safe='')}"


def _meant(error: HTTPError) -> DyetraceError:
    try:
        told = json.loads(error.read())
        detail, code = str(told["detail"]), told.get("code")
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        detail, code = f"the server answers {error.code} {error.reason}", None
    if code in PLAIN:
        return RemoteProblem(detail)
    return BY_STATUS.get(error.code, RemoteProblem)(detail)
