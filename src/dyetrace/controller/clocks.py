"""How a host's clock relates to ours."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dyetrace.wire.messages import Pong

PINGS = 15  # the quickest of them relates the clocks best


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """What to subtract from a host's clock to get ours, and how wrong that may be; in ns."""

    offset_ns: int
    uncertainty_ns: int


async def related_clock(ping: Callable[[], Awaitable[Pong]]) -> Clock:
    """Bound the offset between two monotonic clocks by the time a ping takes (RFC 5905)."""
    clocks = [await _by_one(ping) for _ in range(PINGS)]
    return min(clocks, key=lambda clock: clock.uncertainty_ns)


async def _by_one(ping: Callable[[], Awaitable[Pong]]) -> Clock:
    before = time.monotonic_ns()
    pong = await ping()
    after = time.monotonic_ns()
    return Clock(
        offset_ns=pong.clock_ns - (before + after) // 2, uncertainty_ns=(after - before) // 2
    )
