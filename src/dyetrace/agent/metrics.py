"""An agent's figures for Prometheus: one page, written and served by hand.

An agent stays small: it carries neither a web framework nor Prometheus' library. The page
names no address, no tenant and no VM.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address

from dyetrace import __version__
from dyetrace.errors import InvalidRequest
from dyetrace.wire.messages import Vitals

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SPEAK_WITHIN_S = 5.0
LONGEST_HEAD = 8192
MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsAddress:
    """Where the page is."""

    host: str
    port: int  # 0: whichever is free

    def url(self, port: int) -> str:
        """Write where the page is, at the port it got."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{port}/metrics"


def metrics_address(text: str) -> MetricsAddress:
    """Read ADDRESS:PORT; raises InvalidRequest."""
    host, _, port = text.rpartition(":")
    try:
        address, number = ip_address(host.strip("[]")), int(port)
    except ValueError as error:
        raise InvalidRequest(f"--metrics {text}: write ADDRESS:PORT or [ADDRESS]:PORT") from error
    return MetricsAddress(host=str(address), port=number)


@asynccontextmanager
async def serving(address: MetricsAddress, vitals: Callable[[], Vitals]) -> AsyncIterator[int]:
    """Serve the page for the length of a block; gives the port. Raises InvalidRequest."""
    busy = asyncio.Semaphore(MOST_AT_ONCE)

    async def visit(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(
            OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError
        ):
            if not busy.locked():
                async with busy, asyncio.timeout(SPEAK_WITHIN_S):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(answer(head, vitals))
                    await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(
            visit, address.host, address.port, limit=LONGEST_HEAD, backlog=MOST_AT_ONCE
        )
    except (OSError, OverflowError) as error:
        raise InvalidRequest(f"--metrics {address.host}:{address.port}: {error}") from error
    async with server:
        yield server.sockets[0].getsockname()[1]


def answer(head: bytes, vitals: Callable[[], Vitals]) -> bytes:
    """Answer a request: there is one page, and all else is not there."""
    method, path, *_ = (*head.split(b"\r\n", 1)[0].split(), b"", b"")
    if path.partition(b"?")[0] != b"/metrics":
        return _response("404 Not Found", "there is /metrics\n")
    if method not in {b"GET", b"HEAD"}:
        return _response("405 Method Not Allowed", "GET\n")
    page = "".join(f"{line}\n" for line in page_of(vitals()))
    return _response("200 OK", page, with_body=method == b"GET")


def page_of(vitals: Vitals) -> Iterator[str]:
    """Write the figures in Prometheus' text format."""
    yield from _metric(
        "dyetrace_agent_info", "gauge", "The agent's version.", (f'{{version="{__version__}"}}', 1)
    )
    yield from _metric(
        "dyetrace_agent_start_time_seconds",
        "gauge",
        "When the agent started, in seconds since 1970.",
        ("", round(time.time() - vitals.up_s, 3)),
    )
    yield from _metric(
        "dyetrace_agent_tasks", "gauge", "Tasks that the agent holds.", ("", vitals.tasks)
    )
    yield from _metric(
        "dyetrace_agent_programs",
        "gauge",
        "Programs attached to interfaces and tracepoints.",
        ("", vitals.programs),
    )
    yield from _metric(
        "dyetrace_agent_records_total",
        "counter",
        "Sightings that were recorded.",
        ("", vitals.recorded),
    )
    yield from _metric(
        "dyetrace_agent_records_lost_total",
        "counter",
        "Sightings that were lost: no room in the ring or the spool, or not to be read.",
        ('{stage="ring"}', vitals.lost_in_ring),
        ('{stage="parser"}', vitals.unreadable),
        ('{stage="spool"}', vitals.not_kept),
    )
    yield from _metric(
        "dyetrace_agent_spool_bytes",
        "gauge",
        "What waits on disk for a controller that is away.",
        ("", vitals.spool_bytes),
    )
    yield from _metric(
        "dyetrace_agent_inspections_left_out_total",
        "counter",
        "First packets that were not inspected: there were more than it may.",
        ("", vitals.inspections_left_out),
    )


def _metric(name: str, kind: str, text: str, *samples: tuple[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield f"{name}{labels} {value}"


def _response(status: str, body: str, *, with_body: bool = True) -> bytes:
    content = body.encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {CONTENT_TYPE}\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + (content if with_body else b"")
