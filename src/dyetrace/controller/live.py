"""How far a running task has come, for those who watch it."""

import asyncio
from contextlib import suppress

from dyetrace.controller.diagnosis import Progress


class Live:
    """The latest progress of one task, and word of each change."""

    def __init__(self) -> None:
        """Begin without any."""
        self.progress: Progress | None = None
        self.why_cancelled = ""
        self._changed = asyncio.Event()

    def tell(self, progress: Progress) -> None:
        """Take the latest, and wake those who wait if there is something new in it."""
        before, self.progress = self.progress, progress
        is_news = before is None or (before.state, before.colored, before.text) != (
            progress.state,
            progress.colored,
            progress.text,
        )
        if is_news:
            self.wake()

    def wake(self) -> None:
        """Wake all who wait."""
        waiting, self._changed = self._changed, asyncio.Event()
        waiting.set()

    async def changed(self, *, within_s: float) -> None:
        """Wait for news, or until the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._changed.wait()
