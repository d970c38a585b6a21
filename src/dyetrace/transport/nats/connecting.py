"""A connection to the servers of one region."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from nats.aio.client import Client
from nats.errors import Error

from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.names import checked_region, inbox

CONNECT_WITHIN_S = 5.0


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
async def connected(region: Region, *, within_s: float = CONNECT_WITHIN_S) -> AsyncIterator[Client]:
    """Connect, and stay so, to whichever server is up; raises LogUnreachable if none is."""
    credentials = region.credentials
    errors: list[Exception] = []

    async def note(error: Exception) -> None:
        """Keep the last; who asks for something is told by its failing."""
        errors[:] = [error]

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
            )
    except (Error, OSError) as error:
        why = errors[0] if errors else error
        raise LogUnreachable(region=region.name, why=str(why) or repr(why)) from error
    try:
        yield client
    finally:
        await client.close()
