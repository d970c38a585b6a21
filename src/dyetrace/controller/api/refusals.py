"""Every refusal written down, but not so many that they fill the disk.

Whoever asks without a token costs the audit log at most so many lines a minute, as does
each principal; what is left out is counted in the next line.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from fastapi import Request

from dyetrace.controller.principal import Principal
from dyetrace.controller.store import AuditLog
from dyetrace.errors import StoreUnavailable

LINES_A_MINUTE = 60
MINUTE_S = 60.0
LONGEST_TARGET = 500
ANONYMOUS = "anonymous"
NOT_WRITTEN = "a refusal is not in the audit log: %s"

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Spent:
    """One principal's lines in the minute that began then."""

    began: float
    lines: int = 0
    left_out: int = 0


@dataclass(slots=True, kw_only=True)
class Refusals:
    """The refusals of one controller."""

    on_refusal: Callable[[str], None] = lambda _: None
    now: Callable[[], float] = time.monotonic
    lines_a_minute: int = LINES_A_MINUTE
    _spent: dict[str, _Spent] = field(default_factory=dict)

    async def note(self, request: Request, code: str, error: Exception | None = None) -> None:
        """Write down that a request was refused, by whom it came and with which code."""
        self.on_refusal(code)
        principal: Principal | None = getattr(request.state, "principal", None)
        left_out = self._left_out_before(principal.full_name if principal else ANONYMOUS)
        diagnoses = request.app.state.diagnoses
        if left_out is None or diagnoses is None:
            return
        if isinstance(error, StoreUnavailable):  # a cut one would keep who asks waiting once more
            log.warning(NOT_WRITTEN, error)
            return
        target = f"{request.method} {request.url.path}"
        if told := getattr(request.state, "target", ""):
            target = f"{target} {told}"
        outcome = f"{code} (and {left_out} more that are not written)" if left_out else code
        try:
            await asyncio.to_thread(
                AuditLog(diagnoses.store.database).write,
                principal,
                "refuse",
                target=target[:LONGEST_TARGET],
                outcome=outcome,
            )
        except StoreUnavailable as why:
            log.warning(NOT_WRITTEN, why)

    def _left_out_before(self, name: str) -> int | None:
        """Give how many were left out since the last line; None: so is this one."""
        now = self.now()
        self._spent = {
            key: one
            for key, one in self._spent.items()
            if now - one.began < MINUTE_S or one.left_out
        }
        spent = self._spent.setdefault(name, _Spent(now))
        if now - spent.began >= MINUTE_S:
            spent.began, spent.lines = now, 0
        if spent.lines >= self.lines_a_minute:
            spent.left_out += 1
            return None
        spent.lines += 1
        left_out, spent.left_out = spent.left_out, 0
        return left_out
