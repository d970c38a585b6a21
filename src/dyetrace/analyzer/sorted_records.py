"""One reader of the record log for all tasks: each record goes to the tasks that it is of.

A source record names its task. The others of its packet are known by their digest,
and may come before it; those of TCP segments and of drops whose payload could not be
read have other digests, and are known by what else names them. What belongs to no
task waits for a while.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from dyetrace.analysis.columns import (
    U64,
    columns_of,
    combined,
    joined_records,
    mask_of,
    word_of,
)
from dyetrace.model.packet import Protocol
from dyetrace.model.record import Record, RecordArray
from dyetrace.model.task import TaskId
from dyetrace.transport.log import RecordLog, Shipment
from dyetrace.wire import blobs

READ_AT_ONCE = 1000
WAITS_S = 60.0  # longer than an agent may be away from a task
MOST_WAITING = 200_000  # records
UNKNOWN_REASON = "NOT_SPECIFIED"
NAME = 0x6E616D65  # tells a hash of what names a packet on its host from one of its flow


@dataclass(slots=True)
class _Packet:
    """The records of one digest, and whose they are."""

    rows: list[RecordArray] = field(default_factory=list)
    count: int = 0
    tasks: set[TaskId] = field(default_factory=set)
    keys: set[int] = field(default_factory=set)
    came: float = 0.0  # when the last of them did
    is_strange: bool = False  # colored for a task that is not ours


@dataclass(slots=True)
class _Kin:
    """What has a flow, or a packet's name on a host, in common."""

    digests: set[int] = field(default_factory=set)
    tasks: set[TaskId] = field(default_factory=set)


@dataclass(slots=True)
class _Attended:
    """A task that is waited for."""

    on_news: Callable[[], None]
    digests: set[int] = field(default_factory=set)
    version: int = 0


class SortedRecords:
    """Records by task, for as long as the task is attended to."""

    def __init__(self, log: RecordLog, *, partition: int = 0) -> None:
        """Read a log from its beginning."""
        self._log = log
        self._partition = partition
        self._offset = 0
        self._tasks: dict[TaskId, _Attended] = {}
        self._changed: set[TaskId] = set()  # since it was told last
        self._packets: dict[int, _Packet] = {}
        self._waiting: OrderedDict[int, _Packet] = OrderedDict()  # the longest first
        self._records_waiting = 0
        self._kin: dict[int, _Kin] = {}
        self._names: dict[tuple[int, int], str] = {}
        self._symbols: dict[tuple[int, int], str] = {}
        self.lost: Counter[int] = Counter()  # records that could not be kept or read, by host

    def attend(self, task_id: TaskId, on_news: Callable[[], None] = lambda: None) -> None:
        """Keep the task's records from now on, also those that wait; tell when some came."""
        self._tasks.setdefault(task_id, _Attended(on_news)).on_news = on_news

    def leave(self, task_id: TaskId) -> None:
        """Forget the task's records, but for those that another task needs."""
        left = self._tasks.pop(task_id, None)
        for digest in left.digests if left else ():
            packet = self._packets[digest]
            packet.tasks.discard(task_id)
            for key in packet.keys:
                self._kin[key].tasks.discard(task_id)
            if not packet.tasks:
                self._forget(digest)
        if not self._tasks:
            for digest in list(self._packets):
                self._forget(digest)

    def start_anew(self, task_id: TaskId) -> None:
        """Forget what there is of a task by now; what comes of packets that are new is kept."""
        self.catch_up()
        before = self._tasks[task_id]
        self.leave(task_id)
        self.attend(task_id, before.on_news)

    def version(self, task_id: TaskId) -> int:
        """Give a number that grows whenever there is something new of a task."""
        return self._tasks[task_id].version

    def catch_up(self) -> None:
        """Read what has been appended."""
        while shipments := self._log.read(self._partition, self._offset, READ_AT_ONCE):
            self._offset += len(shipments)
            self._log.forget(self._partition, self._offset)
            for shipment in shipments:
                self._take(shipment)
        self._stop_waiting(time.monotonic())
        changed, self._changed = self._changed, set()
        for task_id in changed & self._tasks.keys():
            self._tasks[task_id].on_news()

    def of_task(self, task_id: TaskId) -> RecordArray:
        """Give all records of a task's packets, and those that may be pieces of them."""
        own = self._tasks[task_id].digests
        keys = {key for digest in own for key in self._packets[digest].keys}
        kin = {digest for key in keys for digest in self._kin[key].digests}
        return joined_records([rows for digest in own | kin for rows in self._packets[digest].rows])

    def drop_named(self, record: Record) -> tuple[str, str]:
        """Name a drop's reason and function, as its agent did."""
        return (
            self._names.get((record.host, record.drop_reason), UNKNOWN_REASON),
            self._symbols.get((record.host, record.call_site), ""),
        )

    def _take(self, shipment: Shipment) -> None:
        for number, name in shipment.drop_names.items():
            self._names[shipment.host, number] = name
        for address, name in shipment.symbols.items():
            self._symbols[shipment.host, address] = name
        try:
            records = blobs.unpack(shipment.blob)
        except blobs.BadBlob:
            self.lost[shipment.host] += max(shipment.records, 1)
            return
        if self._tasks and len(records):
            self._sort(records, time.monotonic())

    def _sort(self, records: RecordArray, now: float) -> None:
        order = np.argsort(records["digest"], kind="stable")
        records = records[order]
        edges = np.flatnonzero(np.diff(records["digest"])) + 1
        firsts = [0, *edges.tolist()]
        digests = records["digest"][firsts].tolist()
        tasks, flows, names = records["task_id"].tolist(), _flows(records), _names(records)
        for digest, first, last in zip(digests, firsts, [*firsts[1:], len(records)], strict=True):
            keys = {key for key in (*flows[first:last], *names[first:last]) if key}
            of_tasks = {task for task in tasks[first:last] if task}
            self._keep(digest, records[first:last].copy(), keys, of_tasks, now)

    def _keep(
        self, digest: int, rows: RecordArray, keys: set[int], of_tasks: set[TaskId], now: float
    ) -> None:
        packet = self._packets.get(digest)
        if packet is None:
            packet = self._packets[digest] = self._waiting[digest] = _Packet()
        packet.rows.append(rows)
        packet.count += len(rows)
        packet.came = now
        ours = {task for task in of_tasks if task in self._tasks}
        packet.is_strange = packet.is_strange or len(ours) < len(of_tasks)
        if digest in self._waiting:
            self._records_waiting += len(rows)
            if ours:
                del self._waiting[digest]
                self._records_waiting -= packet.count
            else:
                self._waiting.move_to_end(digest)
        self._own(digest, packet, ours)
        self._relate(digest, packet, keys)
        for task in packet.tasks.union(*(self._kin[key].tasks for key in keys)):
            self._tasks[task].version += 1
            self._changed.add(task)

    def _own(self, digest: int, packet: _Packet, ours: Iterable[TaskId]) -> None:
        for task in ours:
            packet.tasks.add(task)
            self._tasks[task].digests.add(digest)
            for key in packet.keys:
                self._kin[key].tasks.add(task)

    def _relate(self, digest: int, packet: _Packet, keys: set[int]) -> None:
        for key in keys - packet.keys:
            kin = self._kin.setdefault(key, _Kin())
            kin.digests.add(digest)
            kin.tasks |= packet.tasks
        packet.keys |= keys

    def _stop_waiting(self, now: float) -> None:
        """Forget what nobody will ask for any more, and, where there is no room, the oldest."""
        while self._waiting:
            digest, packet = next(iter(self._waiting.items()))
            is_too_much = self._records_waiting > MOST_WAITING
            if not is_too_much and now - packet.came < WAITS_S:
                return
            if is_too_much and not packet.is_strange:
                self.lost.update(np.concatenate(packet.rows)["host"].tolist())
            self._forget(digest)

    def _forget(self, digest: int) -> None:
        packet = self._packets.pop(digest)
        if self._waiting.pop(digest, None) is not None:
            self._records_waiting -= packet.count
        for key in packet.keys:
            kin = self._kin[key]
            kin.digests.discard(digest)
            if not kin.digests:
                del self._kin[key]


def _flows(records: RecordArray) -> list[int]:
    """Hash the flows of TCP records; 0 for others."""
    words = columns_of(records)
    flow = words[word_of("src_port")] & mask_of("src_port", "dst_port")
    for word in range(word_of("src"), word_of("dst") + 2):
        flow = combined(flow, words[word])
    hashed: list[int] = np.where(records["protocol"] == Protocol.TCP, flow, np.uint64(0)).tolist()
    return hashed


def _names(records: RecordArray) -> list[int]:
    """Hash what names a packet on its host, beside its digest; 0 where nothing does."""
    name: U64 = combined(
        records["host"].astype(np.uint64), records["payload_length"].astype(np.uint64) + NAME
    )
    name = combined(name, records["tcp_seq"].astype(np.uint64))
    low = records["ip_id"].astype(np.uint64) << np.uint64(8)
    name = combined(name, low | records["protocol"].astype(np.uint64))
    can_be_named = (records["protocol"] == Protocol.TCP) | (records["ip_id"] != 0)
    hashed: list[int] = np.where(can_be_named, name, np.uint64(0)).tolist()
    return hashed
