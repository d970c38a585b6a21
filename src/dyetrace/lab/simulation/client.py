"""Asks a controller's API for many diagnoses at once, and how long it takes to answer meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

WITHIN_S = 300.0
PROBE_EVERY_S = 0.1
LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """One task's answer, or why there is none, with times by this machine's clock."""

    answer: Mapping[str, Any] | None
    error: str
    added_s: float  # how long the request to add it took
    verdict_s: float  # from the request to the verdict
    began_s: float = 0.0  # by this process's monotonic clock
    ended_s: float = 0.0


@dataclass(slots=True)
class Api:
    """One controller's API."""

    url: str
    token: str

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        """Send a request; gives status and content, also of refusals."""
        request = Request(  # noqa: S310 - http to the controller we started
            self.url + path,
            json.dumps(body).encode() if body is not None else None,
            {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"},
            method=method,
        )
        try:
            with urlopen(request, timeout=WITHIN_S) as told:  # noqa: S310 - as above
                return told.status, json.load(told)
        except HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def diagnose(self, wanted: Mapping[str, Any]) -> Answered:
        """Add a task and wait for its answer."""
        began = time.monotonic()
        found = self._diagnosed(wanted, began)
        return replace(found, began_s=began, ended_s=time.monotonic())

    def _diagnosed(self, wanted: Mapping[str, Any], began: float) -> Answered:
        asked_at = datetime.now(UTC)
        try:
            status, added = self.ask("POST", "/v1/traces", wanted)
            added_s = time.monotonic() - began
            if status != 202:  # noqa: PLR2004 - HTTP's
                return _failed(str(added.get("detail", status)), added_s)
            while status == 202:  # noqa: PLR2004 - HTTP's
                time.sleep(LOOK_EVERY_S)  # the answer tells itself when it was ready
                status, told = self.ask("GET", f"/v1/traces/{added['id']}")
        except (URLError, OSError, ValueError) as error:
            return _failed(str(error), time.monotonic() - began)
        if "summary" not in told:
            return _failed(str(told.get("error") or told.get("detail")), added_s)
        ready_at = datetime.fromisoformat(told["finished_at"])
        return Answered(
            answer=told,
            error="",
            added_s=added_s,
            verdict_s=(ready_at - asked_at).total_seconds(),
        )


@dataclass(slots=True)
class Prober:
    """Asks for small things all the time, from a thread, and keeps how long it took."""

    api: Api
    paths: Sequence[str] = ("/readyz", "/v1/traces?limit=5")
    took_s: list[float] = field(default_factory=list)
    _ends: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._probe, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        if self._thread is not None:
            self._thread.join(WITHIN_S)

    def _probe(self) -> None:
        number = 0
        while not self._ends.wait(PROBE_EVERY_S):
            began = time.monotonic()
            try:
                self.api.ask("GET", self.paths[number % len(self.paths)])
            except (URLError, OSError):
                self.took_s.append(WITHIN_S)
            else:
                self.took_s.append(time.monotonic() - began)
            number += 1


def diagnose_all(
    api: Api,
    wanted: Sequence[Mapping[str, Any]],
    *,
    at_once: int,
    on_answer: Callable[[int], None],
) -> list[Answered]:
    """Ask for all, so many at once, and give the answers in the same order."""
    done = 0
    lock = threading.Lock()

    def one(each: Mapping[str, Any]) -> Answered:
        nonlocal done
        found = api.diagnose(each)
        with lock:
            done += 1
            on_answer(done)
        return found

    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(one, wanted))


def _failed(error: str, added_s: float) -> Answered:
    return Answered(answer=None, error=error, added_s=added_s, verdict_s=float("nan"))
