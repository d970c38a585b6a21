"""Streams of events: each costs the store a look a second, so nobody has too many at once."""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field

from dyetrace.controller.principal import Principal
from dyetrace.errors import QuotaExceeded

MOST_AT_ONCE = 20


@dataclass(slots=True, kw_only=True)
class Streams:
    """Those that are open."""

    most: int = MOST_AT_ONCE
    _open: "Counter[str]" = field(default_factory=Counter)

    def opened(
        self, principal: Principal, told: AsyncGenerator[bytes, None]
    ) -> AsyncIterator[bytes]:
        """Give a stream that counts until it ends; raises QuotaExceeded."""
        if self._open[principal.full_name] >= self.most:
            raise QuotaExceeded(what="open streams of events", limit=self.most, passes=True)
        return self._counted(principal.full_name, told)

    async def _counted(self, name: str, told: AsyncGenerator[bytes, None]) -> AsyncIterator[bytes]:
        self._open[name] += 1
        try:
            async for each in told:
                yield each
        finally:
            self._open[name] -= 1
            await told.aclose()
