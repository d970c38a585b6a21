"""An analyzer's side of the log: one region's partitions, read from an offset."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime

from nats.aio.msg import Msg
from nats.errors import Error
from nats.errors import TimeoutError as NothingCame
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo
from nats.js.api import Header as Named
from nats.js.errors import NotFoundError

from dyetrace.analysis.columns import mask_of, word_of
from dyetrace.errors import LogUnreachable
from dyetrace.transport.nats.names import (
    evidence_stream,
    evidence_subject,
    host_of,
    quarantine_stream,
    quarantine_subject,
    records_stream,
    records_subject,
)
from dyetrace.wire.parcels import BadParcel, Parcel, unpack

IDLE_S = 30.0  # after which the server forgets where we were; we do not
HOST, MASK = word_of("host"), mask_of("host")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A parcel as the log keeps it."""

    offset: int  # counts from 1 on
    taken_ns: int  # when the log took it, by the log's clock
    parcel: Parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An entry as it was sent, not looked into."""

    offset: int
    taken_ns: int
    subject: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What one reading brought: entries, and up to where there are no others."""

    entries: Sequence[Entry]
    offset: int


@dataclass(slots=True)
class RegionLog:
    """Reads partitions in order, each entry once for who says where he was."""

    js: JetStreamContext
    region: str
    unreadable: Counter[int] = field(default_factory=Counter)  # by host of the subject
    _readers: dict[int, tuple[int, JetStreamContext.PullSubscription]] = field(default_factory=dict)

    async def last(self, partition: int) -> int:
        """Give the offset of the newest entry; 0 if there was none ever."""
        return int((await self._info(partition)).state.last_seq)

    async def newest(self, partition: int) -> tuple[int, int]:
        """Give the offset of the newest entry, and when the log took it; zeros without one."""
        last = await self.last(partition)
        return last, await self.taken_ns(partition, last) if last else 0

    async def taken_ns(self, partition: int, offset: int) -> int:
        """Say when the log took an entry; 0 where it is gone. Raises LogUnreachable."""
        try:
            found = await self.js.get_msg(records_stream(self.region, partition), offset)
        except NotFoundError:
            return 0
        except (Error, OSError) as error:
            raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error
        return _nanoseconds(found.time) if found.time else 0

    async def first(self, partition: int) -> int:
        """Give the offset of the oldest entry that is still kept."""
        return int((await self._info(partition)).state.first_seq)

    async def read(
        self, partition: int, after: int, *, limit: int = 256, wait_s: float = 0.2
    ) -> Read:
        """Give up to limit entries after an offset; waits a little where there is none.

        What cannot be read is quarantined and passed over. Raises LogUnreachable.
        """
        raw = await self.raw(partition, after, limit=limit, wait_s=wait_s)
        entries = []
        for each in raw:
            parcel = await self.parcel(partition, each)
            if parcel is not None:
                entries.append(Entry(offset=each.offset, taken_ns=each.taken_ns, parcel=parcel))
        return Read(entries=entries, offset=raw[-1].offset if raw else after)

    async def raw(
        self, partition: int, after: int, *, limit: int = 256, wait_s: float = 0.2
    ) -> Sequence[Raw]:
        """Give entries after an offset without looking into them; raises LogUnreachable."""
        found: list[Raw] = []
        offset = after
        for message in await self._messages(partition, after, limit, wait_s):
            metadata = message.metadata
            if metadata.sequence.stream <= offset:
                continue
            if metadata.sequence.stream > offset + 1 and await self.first(partition) <= offset + 1:
                await self._leave(partition)  # what is between went by a connection that ended
                return found
            offset = metadata.sequence.stream
            found.append(
                Raw(
                    offset=offset,
                    taken_ns=_nanoseconds(metadata.timestamp),
                    subject=message.subject,
                    data=message.data,
                )
            )
        reader = self._readers.get(partition)
        if reader is not None:
            self._readers[partition] = (offset, reader[1])
        return found

    async def parcel(self, partition: int, raw: Raw) -> Parcel | None:
        """Open an entry; None where it cannot be read, and then it is quarantined."""
        try:
            return opened(raw.data, raw.subject, partition)
        except BadParcel as error:
            self.unreadable[_host(raw.subject)] += 1
            await self._quarantine(partition, raw, str(error))
            return None

    async def evidence(self, host: int, document: int) -> bytes | None:
        """Give a document beside the records; None where there is none. Raises LogUnreachable."""
        try:
            message = await self.js.get_last_msg(
                evidence_stream(self.region), evidence_subject(self.region, host, document)
            )
        except NotFoundError:
            return None
        except (Error, OSError) as error:
            raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error
        return message.data or b""

    async def _info(self, partition: int) -> StreamInfo:
        try:
            return await self.js.stream_info(records_stream(self.region, partition))
        except (Error, OSError) as error:
            raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error

    async def _messages(
        self, partition: int, after: int, limit: int, wait_s: float
    ) -> Sequence[Msg]:
        """Fetch from a reader that stands where the caller was, or from a new one."""
        try:
            reader = self._readers.get(partition)
            if reader is None or reader[0] != after:
                await self._leave(partition)
                subscription = await self._reader(partition, after)
                reader = self._readers[partition] = (after, subscription)
            with suppress(NothingCame):
                return await reader[1].fetch(limit, timeout=wait_s)
            if await self.last(partition) > after:  # the reader died with its server
                await self._leave(partition)
        except (Error, OSError) as error:
            await self._leave(partition)
            raise LogUnreachable(region=self.region, why=str(error) or repr(error)) from error
        return ()

    async def _reader(self, partition: int, after: int) -> JetStreamContext.PullSubscription:
        return await self.js.pull_subscribe(
            records_subject(self.region, partition, "*"),
            stream=records_stream(self.region, partition),
            config=ConsumerConfig(
                deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=after + 1,
                ack_policy=AckPolicy.NONE,
                inactive_threshold=IDLE_S,
                num_replicas=1,
                mem_storage=True,
            ),
        )

    async def _leave(self, partition: int) -> None:
        reader = self._readers.pop(partition, None)
        if reader is not None:
            try:
                await reader[1].unsubscribe()
            except (Error, OSError):
                return

    async def _quarantine(self, partition: int, raw: Raw, why: str) -> None:
        """Keep what cannot be read where it can be looked at; once, however often it is met."""
        await self.js.publish(
            quarantine_subject(self.region),
            raw.data,
            stream=quarantine_stream(self.region),
            headers={
                Named.MSG_ID.value: f"{partition}.{raw.offset}",
                "Dyetrace-Subject": raw.subject,
                "Dyetrace-Why": why.replace("\r", " ").replace("\n", " "),
            },
        )


def opened(data: bytes, subject: str, partition: int) -> Parcel:
    """Open a parcel, and see that it is what its subject says. Raises BadParcel."""
    parcel = unpack(data)
    host = _host(subject)
    if parcel.header.host != host or parcel.header.partition != partition:
        raise BadParcel("names another host or partition than its subject")
    if (parcel.columns[HOST] & MASK != host).any():
        raise BadParcel("has records of another host")
    return parcel


def _host(subject: str) -> int:
    try:
        return host_of(subject)
    except ValueError:
        return 0


def _nanoseconds(moment: datetime) -> int:
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + since.microseconds * 1000
