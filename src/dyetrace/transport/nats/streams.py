"""The streams of a region, made where they are missing."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.names import (
    evidence_stream,
    evidence_subject,
    quarantine_stream,
    quarantine_subject,
    records_stream,
    records_subject,
)

NO_PEERS = 10005  # a cluster whose servers have not all found each other yet
PEERS_WITHIN_S = 15.0
LOOK_AGAIN_S = 0.2
KNOWN_FOR_S = 120.0  # how long a message id is known: an agent that sends again does so before


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How streams keep what they are given."""

    replicas: int = 1
    age_s: float = 3600.0
    most_bytes: int = 1 << 30  # of each stream; the oldest go first


async def ensure_streams(
    js: JetStreamContext, *, region: str, partitions: int, keeping: Keeping | None = None
) -> None:
    """Make a region's streams; those that are there stay as they are. Raises LogUnreachable."""
    keeping = keeping or Keeping()
    wanted = {
        evidence_stream(region): evidence_subject(region, "*"),
        quarantine_stream(region): quarantine_subject(region),
    }
    for partition in range(partitions):
        wanted[records_stream(region, partition)] = records_subject(region, partition, "*")
    for name, subject in wanted.items():
        await ensure_stream(
            js,
            region,
            StreamConfig(
                name=name,
                subjects=[subject],
                storage=StorageType.FILE,
                num_replicas=keeping.replicas,
                max_age=keeping.age_s,
                max_bytes=keeping.most_bytes,
                discard=DiscardPolicy.OLD,
                duplicate_window=min(KNOWN_FOR_S, keeping.age_s),
            ),
        )


async def ensure_stream(js: JetStreamContext, region: str, config: StreamConfig) -> None:
    """Make one stream, unless it is there; raises LogUnreachable.

    Of several that make it at once a server may leave one without an answer: it looks again.
    """
    deadline = asyncio.get_running_loop().time() + PEERS_WITHIN_S
    while True:
        try:
            with suppress(NotFoundError):
                await js.stream_info(str(config.name))
                return
            await js.add_stream(config)
        except (Error, OSError) as error:
            is_starting = isinstance(error, APIError) and error.err_code == NO_PEERS
            may_pass = is_starting or isinstance(error, TimeoutError)
            if not may_pass or asyncio.get_running_loop().time() > deadline:
                why = f"stream {config.name}: {error}"
                raise LogUnreachable(region=region, why=why) from error
            await asyncio.sleep(LOOK_AGAIN_S)
        else:
            return
