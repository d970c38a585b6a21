"""An agent's process from start to end: what it serves, dials and shows, until a signal."""

import asyncio
import logging
import os
import signal
from contextlib import AsyncExitStack, suppress

from dyetrace.agent.dialer import Dialer
from dyetrace.agent.metrics import MetricsAddress, serving
from dyetrace.agent.server import AgentServer

log = logging.getLogger(__name__)


def run(
    server: AgentServer, dialer: Dialer | None = None, metrics: MetricsAddress | None = None
) -> None:
    """Run an agent until SIGTERM, Ctrl-C or idleness."""

    async def main() -> None:
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)  # type: ignore[union-attr] # in a task
        dialing = asyncio.create_task(dialer.run()) if dialer is not None else None
        with suppress(asyncio.CancelledError):
            async with AsyncExitStack() as stack:
                if metrics is not None:
                    port = await stack.enter_async_context(serving(metrics, server.vitals))
                    log.info("figures at %s", metrics.url(port))
                await server.serve()
        if dialing is not None:
            dialing.cancel()
            await asyncio.gather(dialing, return_exceptions=True)

    os.umask(0o077)
    asyncio.run(main())
