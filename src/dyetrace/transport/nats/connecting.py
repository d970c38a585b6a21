"""A connection to the servers of one region."""

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error

from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.names import checked_region, inbox

CONNECT_WITHIN_S = 5.0
AGAIN_AFTER_S = 1.0
LOOK_EVERY_S = 10.0  # whether our certificate was renewed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Files of one's own certificate and key, and of the authority that signed the servers'."""

    certificate: Path
    key: Path
    authority: Path
    server_name: str = ""  # in the servers' certificates, where that is not their address

    def context(self) -> ssl.SSLContext:
        """Read them."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.certificate, self.key)
        return context

    def revision(self) -> int:
        """Tell one certificate's file from the one that comes after it; 0: there is none."""
        try:
            return self.certificate.stat().st_mtime_ns
        except OSError:
            return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region's servers, and as whom to speak to them."""

    name: str
    servers: Sequence[str]
    user: str
    credentials: Credentials | None = None

    def __post_init__(self) -> None:
        """Refuse names that subjects cannot carry."""
        checked_region(self.name)


@asynccontextmanager
async def connected(
    region: Region,
    *,
    within_s: float = CONNECT_WITHIN_S,
    on_again: Callable[[], None] = lambda: None,
) -> AsyncIterator[Client]:
    """Connect, and stay so, to whichever server is up; raises LogUnreachable if none is.

    on_again: called when a connection that was lost is there again.
    """
    credentials = region.credentials
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        """Keep the last; who asks for something is told by its failing."""
        errors[:] = [error]

    async def again() -> None:
        on_again()

    client = Client()
    try:
        async with asyncio.timeout(within_s):
            await client.connect(
                servers=list(region.servers),
                name=region.user,
                inbox_prefix=inbox(region.user).encode(),
                tls=credentials.context() if credentials else None,
                tls_hostname=(credentials.server_name or None) if credentials else None,
                max_reconnect_attempts=-1,
                reconnect_time_wait=0.1,  # type: ignore[arg-type] # it is slept for
                connect_timeout=2,
                error_cb=note,
                reconnected_cb=again,
            )
    except (Error, OSError) as error:  # files of certificates that cannot be read, too
        await client.close()
        why = errors[0] if errors else error
        raise LogUnreachable(region=region.name, why=str(why) or repr(why)) from error
    try:
        yield client
    finally:
        await client.close()


async def stay_connected(
    region: Region,
    use: Callable[[Client], Awaitable[None]],
    *,
    on_again: Callable[[], None] = lambda: None,
) -> None:
    """Connect again and again, until cancelled; use each connection while it is there.

    A connection outlives its servers' absences, but not our certificate: a new one is shown.
    """
    said = ""
    while True:
        try:
            async with connected(region, on_again=on_again) as client:
                said = ""
                log.info("connected to the record log of region %s", region.name)
                await _used(client, use, region.credentials)
        except LogUnreachable as error:
            if str(error) != said:  # servers that are away are away for long
                said = str(error)
                log.warning("%s", error)
            await asyncio.sleep(AGAIN_AFTER_S)


async def _used(
    client: Client, use: Callable[[Client], Awaitable[None]], credentials: Credentials | None
) -> None:
    """Use a connection until that ends by itself, or our certificate is another one."""
    using = asyncio.ensure_future(use(client))
    began_with = credentials.revision() if credentials else 0
    try:
        while not using.done() and (not credentials or credentials.revision() == began_with):
            await asyncio.wait({using}, timeout=LOOK_EVERY_S)
    finally:
        using.cancel()
        with suppress(asyncio.CancelledError):
            await using
