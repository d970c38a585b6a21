"""The API served until a signal says to end; then nothing is left on any host."""

import asyncio
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from dyetrace.controller.diagnoses import Diagnoses
from dyetrace.controller.roll import Roll

ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LEAVE_WITHIN_S = 5


class Server(uvicorn.Server):
    """Leaves signals to us: tasks end before connections do."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


async def serve(  # noqa: PLR0913 - collaborators, by keyword
    app: FastAPI,
    diagnoses: Diagnoses,
    *,
    listening: socket.socket,
    certificate: tuple[str, str] | None,
    on_ready: Callable[[], None],
    roll: Roll | None = None,
) -> None:
    """Serve on a socket that listens; returns once a signal came and all is cleaned up."""
    certificate_file, key_file = certificate or (None, None)
    server = Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            ssl_certfile=certificate_file,
            ssl_keyfile=key_file,
            timeout_graceful_shutdown=LEAVE_WITHIN_S,
        )
    )
    ended = asyncio.Event()
    for number in ENDS:
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    await diagnoses.take_up()
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    calling = asyncio.create_task(roll.keep_calling()) if roll else None
    on_ready()
    waiting = asyncio.create_task(ended.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for standing in filter(None, (waiting, calling)):
        standing.cancel()
    await diagnoses.close()
    server.should_exit = True
    await serving
