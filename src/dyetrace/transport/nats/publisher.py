"""An agent's side of the log: what it ships is cut by partition, numbered, spooled, and sent."""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from struct import Struct

import numpy as np
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import Header as Named
from nats.js.api import PubAck

from dyetrace.model.record import RECORD, RecordArray
from dyetrace.transport.delays import Delays
from dyetrace.transport.nats.names import (
    evidence_stream,
    evidence_subject,
    records_stream,
    records_subject,
)
from dyetrace.transport.spool import Entry, Spool
from dyetrace.wire import blobs, parcels

LABEL = Struct("<IQQI")  # before a parcel in the spool: partition, session, before, records
EVIDENCE = 2**32 - 1  # in a partition's place, before a document; its number is in the session's
WINDOW = 64  # parcels under way at once
ACKNOWLEDGED_WITHIN_S = 3.0
WAITS_S = (0.05, 0.1, 0.2, 0.5, 1.0)  # before the log is tried again, each time longer


@dataclass(slots=True)
class Publisher:
    """Ships one agent's records to its region's log, each to be read once.

    A parcel stays in the spool until the log has acknowledged it. What was sent and not
    acknowledged is sent again under the same message id, which the log knows.
    """

    js: JetStreamContext | None  # None: the log cannot be reached yet
    region: str
    host: int
    partitions: int
    spool: Spool
    session: int = field(default_factory=lambda: secrets.randbits(64))
    acknowledged: int = 0  # number of the youngest entry before which all are
    offsets: dict[int, int] = field(default_factory=dict)  # in the log, by partition
    delays: Delays = field(default_factory=Delays)
    _before: dict[int, int] = field(default_factory=dict)  # records sent, by partition
    _last: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)
    _settled: asyncio.Condition = field(default_factory=asyncio.Condition)
    _under_way: deque[tuple[Entry, asyncio.Future[PubAck]]] = field(default_factory=deque)
    _dropped_when_told: int = 0

    def ship(
        self,
        records: RecordArray,
        *,
        drop_names: Mapping[int, str] | None = None,
        symbols: Mapping[int, str] | None = None,
    ) -> None:
        """Put records on their way; they are in the spool when this returns."""
        partition = (records["digest"] % np.uint64(self.partitions)).astype(np.int64)
        for number in np.unique(partition).tolist():
            share = records[partition == number]
            for first in range(0, len(share), blobs.RECORDS_PER_BLOB):
                part = share[first : first + blobs.RECORDS_PER_BLOB]
                self._put(number, part, drop_names or {}, symbols or {})

    def tell_numbers(self) -> None:
        """Where records were dropped, say how many there were: so losses at the end show, too."""
        if self.spool.dropped == self._dropped_when_told:
            return
        self._dropped_when_told = self.spool.dropped
        nothing = np.zeros(0, dtype=RECORD)
        for partition in list(self._before):
            self._put(partition, nothing, {}, {})

    def ship_evidence(self, document: int, content: bytes) -> None:
        """Put a document on its way, under a number that this host gives once."""
        self._last = self.spool.append(0, LABEL.pack(EVIDENCE, document, 0, 0) + content)
        self._more.set()

    async def run(self) -> None:
        """Send what is in the spool, and again what was not acknowledged, until cancelled."""
        failures = 0
        while True:
            try:
                await self._send()
                await self._take_acknowledgement()
                failures = 0
            except (Error, TimeoutError, OSError):
                self.send_again()
                self._under_way.clear()
                await asyncio.sleep(WAITS_S[min(failures, len(WAITS_S) - 1)])
                failures += 1

    def send_again(self) -> None:
        """What is under way is lost: the connection that it went by has ended."""
        for _, future in self._under_way:
            future.cancel()

    async def all_acknowledged(self) -> None:
        """Wait until the log has acknowledged everything so far."""
        wanted = self._last
        async with self._settled:
            await self._settled.wait_for(lambda: self.acknowledged >= wanted)

    def _put(
        self,
        partition: int,
        records: RecordArray,
        drop_names: Mapping[int, str],
        symbols: Mapping[int, str],
    ) -> None:
        before = self._before.get(partition, 0)
        header = parcels.Header(
            host=self.host,
            session=self.session,
            partition=partition,
            before=before,
            records=len(records),
            drop_names=dict(drop_names),
            symbols=dict(symbols),
        )
        parcel = parcels.pack(header, blobs.pack(records))
        self._last = self.spool.append(
            len(records), LABEL.pack(partition, self.session, before, len(records)) + parcel
        )
        self.delays.shipped(self._last, time.monotonic())
        self._before[partition] = before + len(records)
        self._more.set()

    async def _send(self) -> None:
        """Have as many parcels under way as may be."""
        sent = self._under_way[-1][0].number if self._under_way else self.acknowledged
        while len(self._under_way) < WINDOW and (entry := self.spool.after(sent)):
            self._under_way.append((entry, await self._published(entry)))
            sent = entry.number

    async def _published(self, entry: Entry) -> asyncio.Future[PubAck]:
        partition, session, before, records = LABEL.unpack_from(entry.data)
        if self.js is None:
            raise ConnectionError("not connected")
        if partition == EVIDENCE:
            subject = evidence_subject(self.region, self.host, session)
            stream = evidence_stream(self.region)
        else:
            subject = records_subject(self.region, partition, self.host)
            stream = records_stream(self.region, partition)
        return await self.js.publish_async(
            subject,
            entry.data[LABEL.size :],
            stream=stream,
            headers={Named.MSG_ID.value: f"{self.host}.{session:x}.{before}.{records}"},
        )

    async def _take_acknowledgement(self) -> None:
        """Wait for the oldest parcel's; or, where none is under way, for something to send."""
        if not self._under_way:
            if self.spool.after(self.acknowledged) is None:
                async with self._settled:
                    self.acknowledged = max(self.acknowledged, self._last)
                    self._settled.notify_all()
                self._more.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), 1.0)
            return
        entry, future = self._under_way[0]
        # Waited for from outside: that the client gives it up must not look like our own end.
        done, _ = await asyncio.wait({future}, timeout=ACKNOWLEDGED_WITHIN_S)
        if not done or future.cancelled():
            raise TimeoutError
        partition = LABEL.unpack_from(entry.data)[0]
        offset = future.result().seq
        if partition != EVIDENCE:
            self.offsets[partition] = max(self.offsets.get(partition, 0), offset)
        self._under_way.popleft()
        self.spool.forget_through(entry.number)
        self.delays.acknowledged(entry.number, time.monotonic())
        async with self._settled:
            self.acknowledged = entry.number
            self._settled.notify_all()
