"""Records go to the tasks that they are of, whatever order they come in, and nothing piles up."""

import asyncio

import pytest

from dyetrace.analyzer import sorted_records
from dyetrace.analyzer.embedded import EmbeddedAnalyzer
from dyetrace.analyzer.sorted_records import SortedRecords
from dyetrace.model.path import Fate
from dyetrace.model.record import Point, RecordFlag
from dyetrace.transport.in_process import InProcessLog
from dyetrace.transport.log import Shipment
from dyetrace.wire import blobs
from support.builders import ROUTER, ROUTER_A, TASK, a_record, across_hosts, rows, two_hosts

OTHER = TASK + 1
TCP = {"protocol": 6, "payload_length": 3000, "tcp_seq": 1000}


def partial_of(analyzer):
    return asyncio.run(analyzer.partial({}))


class Sorting:
    def __init__(self):
        self.log = InProcessLog()
        self.records = SortedRecords(self.log)
        self.news = []

    def attend(self, *tasks):
        for task in tasks:
            self.records.attend(task, lambda task=task: self.news.append(task))

    def come(self, *records):
        blob = blobs.pack(rows(*records))
        self.log.append(0, Shipment(host=1, blob=blob, records=len(records)))
        self.records.catch_up()

    def digests(self, task=TASK):
        return sorted(self.records.of_task(task)["digest"].tolist())


@pytest.fixture
def sorting():
    return Sorting()


def a_packet(digest, task=TASK, **fields):
    return [
        record | ({"task_id": task} if "task_id" in record else {})
        for record in across_hosts(digest=digest, start_ns=digest * 1000, **fields)
    ]


def test_each_task_gets_its_own_packets_whole(sorting):
    sorting.attend(TASK, OTHER)
    sorting.come(*a_packet(1), *a_packet(2, OTHER), *a_packet(3))

    assert sorting.digests() == [1] * 4 + [3] * 4
    assert sorting.digests(OTHER) == [2] * 4


@pytest.mark.parametrize("first", range(4))
def test_records_wait_for_the_one_that_says_whose_they_are(sorting, first):
    sorting.attend(TASK)
    packet = a_packet(1)
    for record in (*packet[first:], *packet[:first]):
        sorting.come(record)

    assert sorting.digests() == [1] * 4


def test_a_task_is_told_of_its_own_records_only(sorting):
    sorting.attend(TASK, OTHER)
    sorting.come(*a_packet(1))

    assert sorting.news == [TASK]
    assert sorting.records.version(OTHER) == 0


def test_a_packet_of_two_tasks_is_both_s(sorting):
    sorting.attend(TASK, OTHER)
    mine, theirs = a_packet(1), a_packet(1, OTHER)
    sorting.come(*mine, theirs[0])

    assert sorting.digests() == sorting.digests(OTHER) == [1] * 5
    sorting.records.leave(OTHER)
    assert sorting.digests() == [1] * 5


def test_a_repeated_record_counts_once(sorting):
    sorting.attend(TASK)
    analyzer = EmbeddedAnalyzer(topology=two_hosts(), records=sorting.records, task_id=TASK)
    sorting.come(*a_packet(1))
    once = partial_of(analyzer)
    sorting.come(*a_packet(1))
    twice = partial_of(analyzer)

    assert twice.records == once.records == 4
    assert [alike.packets for alike in twice.of_task(TASK)] == [1]


def test_nothing_is_analysed_again_when_nothing_has_come(sorting):
    sorting.attend(TASK, OTHER)
    analyzer = EmbeddedAnalyzer(topology=two_hosts(), records=sorting.records, task_id=TASK)
    sorting.come(*a_packet(1))
    first = partial_of(analyzer)
    sorting.come(*a_packet(2, OTHER))

    assert partial_of(analyzer) is first
    sorting.come(*a_packet(3))
    assert partial_of(analyzer).records == 8


def test_pieces_of_a_split_segment_come_with_the_packet_whose_flow_they_are_of(sorting):
    sorting.attend(TASK)
    sorting.come(*a_packet(1, **TCP)[:2])
    piece = a_packet(2, **TCP | {"payload_length": 1500})[2:]
    sorting.come(*piece)

    assert sorting.digests() == [1, 1, 2, 2]
    analyzer = EmbeddedAnalyzer(topology=two_hosts(), records=sorting.records, task_id=TASK)
    (alike,) = partial_of(analyzer).of_task(TASK)
    assert alike.path.fate is Fate.DELIVERED


def test_a_drop_whose_payload_could_not_be_read_comes_with_its_packet(sorting):
    sorting.attend(TASK)
    source = a_packet(1, ip_id=77)[0]
    drop = a_record(
        Point.DROP, at=(1, ROUTER, ROUTER_A), seen_ns=1500, digest=9, ip_id=77,
        flags=RecordFlag.TRUNCATED, drop_reason=2,
    )  # fmt: skip
    sorting.come(drop)
    sorting.come(source)

    assert sorting.digests() == [1, 9]


def test_of_a_task_that_is_left_nothing_is_kept(sorting):
    sorting.attend(TASK, OTHER)
    sorting.come(*a_packet(1), *a_packet(2, OTHER))
    sorting.records.leave(TASK)
    assert sorting.digests(OTHER) == [2] * 4
    sorting.records.leave(OTHER)

    records = sorting.records
    assert not any((records._packets, records._kin, records._waiting, records._tasks))
    assert records._records_waiting == 0
    assert not sorting.log._partitions[0].kept


def test_what_nobody_asks_for_waits_for_a_while_only(sorting, monkeypatch):
    sorting.attend(TASK)
    sorting.come(*a_packet(1)[1:])
    monkeypatch.setattr(sorted_records, "WAITS_S", 0.0)
    sorting.come(*a_packet(2))

    assert set(sorting.records._packets) == {2}
    assert not sorting.records.lost


def test_what_waits_is_bounded_and_what_makes_room_is_counted(sorting, monkeypatch):
    monkeypatch.setattr(sorted_records, "MOST_WAITING", 30)
    sorting.attend(TASK)
    for digest in range(1, 21):
        sorting.come(*a_packet(digest)[1:])

    assert sorting.records._records_waiting <= 30
    assert sum(sorting.records.lost.values()) == 30
    for digest in range(1, 21):
        sorting.come(a_packet(digest, OTHER + 1)[0])  # of another controller's tasks
    lost = sorting.records.lost.total()
    sorting.come(*a_packet(30)[1:], *a_packet(31)[1:], *a_packet(32)[1:])
    assert sorting.records.lost.total() == lost, "what is strange was not ours to lose"


def test_a_blob_that_cannot_be_read_is_counted(sorting):
    sorting.attend(TASK)
    sorting.log.append(0, Shipment(host=2, blob=b"nonsense", records=5))
    sorting.records.catch_up()

    assert sorting.records.lost == {2: 5}
