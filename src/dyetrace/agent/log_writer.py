"""Writes what this agent records into the record log of its region."""

import asyncio
import secrets
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from nats.aio.client import Client

from dyetrace.agent.outbox import Outbox
from dyetrace.datapath.driver import Batch
from dyetrace.errors import InvalidRequest
from dyetrace.model.inspection import Inspection
from dyetrace.transport.nats.connecting import Region, stay_connected
from dyetrace.transport.nats.publisher import Publisher
from dyetrace.transport.spool import Entry
from dyetrace.wire import codec
from dyetrace.wire.messages import Inspections, InspectionsKept, Written

TAKEN_WITHIN_S = 3.0  # by the log, while a controller waits


@dataclass(slots=True)
class LogSpool:
    """What the log has not acknowledged, in an agent's outbox: in memory, and then on disk."""

    outbox: Outbox

    @property
    def dropped(self) -> int:
        """How many records found no room."""
        on_disk = self.outbox.spool.dropped if self.outbox.spool else 0
        return self.outbox.dropped + on_disk

    def append(self, records: int, data: bytes) -> int:
        """Keep an entry; returns its number."""
        self.outbox.put(lambda _number, _before: data, records=records)
        return self.outbox.last

    def after(self, number: int) -> Entry | None:
        """Give the oldest entry that is younger than this one."""
        found = self.outbox.after(number)
        if found is None:
            return None
        return Entry(number=found.number, records=found.records, data=found.data)

    def forget_through(self, number: int) -> None:
        """Let go of what is acknowledged."""
        self.outbox.acknowledge(number)


@dataclass(slots=True, kw_only=True)
class LogWriter:
    """One agent's; what it is given is kept until the log has it, or there is no more room."""

    region: Region
    partitions: int
    host: int
    outbox: Outbox
    _publisher: Publisher = field(init=False)
    _client: Client | None = None

    def __post_init__(self) -> None:
        """Go on with what an earlier process of this agent has left."""
        self._publisher = Publisher(
            None,
            self.region.name,
            host=self.host,
            partitions=self.partitions,
            spool=LogSpool(self.outbox),
        )

    async def run(self) -> None:
        """Send what there is whenever the log can be reached, until cancelled."""
        await stay_connected(self.region, self._publish, on_again=self._publisher.send_again)

    def refuse_unless_read(self, partitions: int) -> None:
        """Raise InvalidRequest where a controller reads another log than we write."""
        if partitions != self.partitions:
            raise InvalidRequest(
                f"this agent writes into a record log of {self.partitions} partitions, its "
                f"controller reads one of {partitions}: give both the same --log-partitions"
            )

    def ship(self, batch: Batch) -> None:
        """Put records on their way."""
        names = {"drop_names": batch.drop_names, "symbols": batch.symbols}
        self._publisher.ship(batch.records, **names)
        if self._client is None or not self._client.is_connected:
            self.put_away()

    def ship_inspections(self, taken: Iterable[Inspection]) -> InspectionsKept:
        """Put a document on its way; returns what says where it will be."""
        document = secrets.randbits(63)
        self._publisher.ship_evidence(document, codec.encode(Inspections(taken=tuple(taken))))
        return InspectionsKept(region=self.region.name, document=document)

    async def written(self) -> Written:
        """Wait, but not for long, until the log has all there is; say how far it stands there."""
        self._publisher.tell_numbers()
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await self._publisher.all_acknowledged()
        return Written(
            region=self.region.name,
            offsets=dict(self._publisher.offsets),
            slowest_s=self._publisher.delays.worst(time.monotonic()),
            waiting=self.outbox.records - self.outbox.records_acknowledged,
        )

    def put_away(self) -> None:
        """Keep on disk what the log has not taken, for the next process of this agent."""
        self.outbox.put_away()

    async def _publish(self, client: Client) -> None:
        self._client, self._publisher.js = client, client.jetstream()
        try:
            await self._publisher.run()
        finally:
            self._client = self._publisher.js = None
