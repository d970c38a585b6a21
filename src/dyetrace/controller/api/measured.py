"""How many requests there are, of which operation, and how long they take."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dyetrace.controller.metrics import Meters

NO_OPERATION = "none"  # there is no such path


class Measured:
    """Measures each request up to its first byte: streams last as long as their tasks."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        """Stand before the application."""
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                route = scope.get("route")
                operation = getattr(route, "operation_id", None) or NO_OPERATION
                took_s = time.perf_counter() - began
                self._meters.answered(operation, message["status"], took_s)
            await send(message)

        await self._app(scope, receive, told)
