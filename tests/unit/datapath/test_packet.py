"""Batches of raw sightings become records."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from dyetrace.datapath.packet import fill_records
from dyetrace.model.packet import Encapsulation
from dyetrace.model.record import RECORD, Point, RecordFlag, record_of
from support.packets import FRAME
from support.sightings import SIGHTING, sightings_of

SEGMENT = bytes(IP(src="10.0.0.1", dst="10.0.0.2", id=7) / TCP(sport=1, dport=2, seq=3) / b"hello")
NO_TASKS = {0: ()}.__getitem__


def test_a_record_holds_what_the_kernel_and_the_packet_say() -> None:
    rows = sightings_of(
        SEGMENT,
        seen_ns=11,
        call_site=12,
        netns=13,
        ifindex=14,
        drop_reason=15,
        queue_packets=16,
        queue_bytes=17,
        gso_size=18,
        point=Point.DROP,
        dscp=19,
    )

    records, unparsed = fill_records(rows, host=5, task_ids_of=NO_TASKS)

    assert unparsed == 0
    record = record_of(records[0])
    assert str(record.five_tuple) == "tcp 10.0.0.1:1 -> 10.0.0.2:2"
    assert (record.host, record.netns, record.ifindex) == (5, 13, 14)
    assert (record.point, record.seen_ns, record.call_site) == (Point.DROP, 11, 12)
    assert (record.drop_reason, record.queue_packets, record.queue_bytes) == (15, 16, 17)
    assert (record.gso_size, record.dscp, record.ttl) == (18, 19, 64)
    assert (record.tcp_seq, record.payload_length, record.task_id) == (3, 5, 0)
    assert record.outer is None
    assert record.digest != 0
    assert records["ip_id"][0] == 7


def test_an_encapsulated_sighting_says_what_carries_it() -> None:
    frame = UDP(dport=4789) / VXLAN(vni=7) / FRAME / IP(SEGMENT)
    packet = bytes(IP(src="172.31.1.1", dst="172.31.2.1") / frame)
    rows = sightings_of(packet, inner_offset=50, encapsulation=Encapsulation.VXLAN)

    records, _ = fill_records(rows, host=5, task_ids_of=NO_TASKS)

    record = record_of(records[0])
    assert str(record.outer) == "vxlan 7 172.31.1.1 -> 172.31.2.1"
    assert str(record.five_tuple) == "tcp 10.0.0.1:1 -> 10.0.0.2:2"


def test_a_source_sighting_becomes_one_record_per_task() -> None:
    rows = sightings_of(SEGMENT, SEGMENT, SEGMENT, SEGMENT)
    rows["policies"] = [0, 0b11, 0, 0b100]
    rows["seen_ns"] = [1, 2, 3, 4]
    tasks = {0b11: (100, 200), 0b100: (300,)}

    records, _ = fill_records(rows, host=1, task_ids_of=tasks.__getitem__)

    assert records["task_id"].tolist() == [0, 100, 200, 0, 300]
    assert records["seen_ns"].tolist() == [1, 2, 2, 3, 4]


def test_a_source_sighting_of_policies_already_gone_is_kept() -> None:
    records, unparsed = fill_records(
        sightings_of(SEGMENT, policies=1), host=1, task_ids_of=lambda _: ()
    )

    assert (records["task_id"].tolist(), unparsed) == ([0], 0)


def test_task_ids_of_all_64_bits_survive() -> None:
    largest = 2**64 - 1

    records, _ = fill_records(
        sightings_of(SEGMENT, policies=2**63), host=1, task_ids_of=lambda _: (largest,)
    )

    assert int(records["task_id"][0]) == largest


def test_what_cannot_be_parsed_is_counted_and_the_rest_kept() -> None:
    rows = sightings_of(SEGMENT, b"", b"\0" * 60, SEGMENT[:19], SEGMENT)

    records, unparsed = fill_records(rows, host=1, task_ids_of=NO_TASKS)

    assert (len(records), unparsed) == (2, 3)


@pytest.mark.parametrize("wrong", [{"point": 0}, {"point": 9}, {"encapsulation": 200}])
def test_a_sighting_with_an_impossible_enum_is_counted_as_unparsed(wrong: dict[str, int]) -> None:
    records, unparsed = fill_records(sightings_of(SEGMENT, **wrong), host=1, task_ids_of=NO_TASKS)

    assert (len(records), unparsed) == (0, 1)


def test_flags_of_kernel_and_parser_add_up() -> None:
    fragment = bytes(IP(frag=3, proto=17) / Raw(b"x" * 30))

    records, _ = fill_records(
        sightings_of(fragment, flags=RecordFlag.RESTORED), host=1, task_ids_of=NO_TASKS
    )

    assert records["flags"][0] == RecordFlag.RESTORED | RecordFlag.FRAGMENT


def test_no_sightings_make_no_records() -> None:
    records, unparsed = fill_records(np.zeros(0, SIGHTING), host=1, task_ids_of=NO_TASKS)

    assert (len(records), records.dtype, unparsed) == (0, RECORD, 0)


def test_a_head_may_be_an_opaque_field() -> None:
    opaque = np.dtype(
        [(name, "V256" if name == "head" else SIGHTING[name]) for name in SIGHTING.names or ()]
    )
    rows = sightings_of(SEGMENT)

    records, _ = fill_records(rows.view(opaque), host=1, task_ids_of=NO_TASKS)
    expected, _ = fill_records(rows, host=1, task_ids_of=NO_TASKS)

    assert records.tobytes() == expected.tobytes()


@given(st.lists(st.binary(min_size=SIGHTING.itemsize, max_size=SIGHTING.itemsize), max_size=5))
def test_no_sighting_raises_and_each_is_a_record_or_counted(raw: list[bytes]) -> None:
    rows = np.frombuffer(b"".join(raw), SIGHTING) if raw else np.zeros(0, SIGHTING)

    records, unparsed = fill_records(rows, host=1, task_ids_of=lambda _: (1,))

    assert len(records) + unparsed == len(rows)
    for row in records:
        record_of(row)
