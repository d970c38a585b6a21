"""Records to partials: grouping, counting, merging."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.histogram import Histogram
from dyetrace.analysis.partial import merged
from dyetrace.model.path import Fate
from dyetrace.model.record import Point
from support.builders import (
    SWITCH,
    TASK,
    TO_VM,
    UPLINK,
    a_flow,
    a_record,
    a_source,
    across_hosts,
    an_outer,
    name_drop,
    rows,
    two_hosts,
)


def analyse(*records, clocks=None):
    analysis = Analysis(topology=two_hosts(), name_drop=name_drop)
    return analysis.analyze(rows(*records), clocks)


def fates(partial, task=TASK):
    found = {}
    for alike in partial.of_task(task):
        found[alike.path.fate] = found.get(alike.path.fate, 0) + alike.packets
    return found


def many(number, **fields):
    return [
        record
        for digest in range(1, number + 1)
        for record in across_hosts(digest=digest, start_ns=digest * 10_000, **fields)
    ]


def test_packets_that_fared_alike_are_counted_together():
    partial = analyse(*many(50))

    assert len(partial.alike) == 1
    assert fates(partial) == {Fate.DELIVERED: 50}


def test_senders_ttl_and_ports_do_not_split_what_fared_alike():
    records = []
    for digest in range(1, 30):
        records += across_hosts(digest=digest, ttl=30 + digest, src_port=5000 + digest)

    assert len(analyse(*records).alike) == 1


def test_lost_and_delivered_packets_are_told_apart():
    records = many(10)
    lost = [record for record in records if record["digest"] > 7 and record["host"] == 2]
    records = [record for record in records if record not in lost]

    assert fates(analyse(*records)) == {Fate.DELIVERED: 7, Fate.VANISHED: 3}


def test_packets_that_fared_alike_keep_their_own_flow():
    other = {"flow": a_flow(dst="10.0.9.1"), "task_id": TASK + 1}
    source = a_source(digest=1)
    drop = a_record(Point.DROP, at=(1, SWITCH, TO_VM), seen_ns=2000, drop_reason=2)
    others = [{**source, "digest": 2, "task_id": TASK + 1, "dst": a_source(**other)["dst"]}]
    others += [{**drop, "digest": 2, "dst": others[0]["dst"]}]

    partial = analyse(source, drop, *others)

    flows = [
        str(alike.path.last.five_tuple.dst)
        for task in (TASK, TASK + 1)
        for alike in partial.of_task(task)
    ]
    assert flows == ["10.0.2.21", "10.0.9.1"]


def test_records_of_nobodys_packet_are_left_out():
    stray = a_record(Point.EGRESS, at=(1, SWITCH, UPLINK), seen_ns=5, digest=99)

    assert fates(analyse(stray, *many(2))) == {Fate.DELIVERED: 2}


def test_repeated_records_change_nothing():
    records = many(5)

    assert analyse(*records, *records).alike == analyse(*records).alike


@given(st.integers(0, 2**32))
def test_the_order_of_arrival_changes_nothing(seed):
    records = many(4) + across_hosts(digest=77)[:2]
    shuffled = records.copy()
    random.Random(seed).shuffle(shuffled)

    assert analyse(*shuffled).alike == analyse(*records).alike


@given(st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_partials_merge_in_any_grouping(shares):
    packets = [across_hosts(digest=digest)[: 2 + 2 * (digest % 2)] for digest in range(1, 13)]
    parts = [
        analyse(
            *(
                record
                for packet, share in zip(packets, shares, strict=True)
                if share == part
                for record in packet
            )
        )
        for part in range(3)
        if part in shares
    ]
    whole = analyse(*(record for packet in packets for record in packet))

    assert fates(merged(parts)) == fates(whole)
    assert merged(parts).records == whole.records
    assert set(merged(parts).alike) == set(whole.alike)


def test_a_packet_colored_for_two_tasks_counts_for_both():
    records = across_hosts()
    records.append(a_source(task_id=8))

    partial = analyse(*records)

    assert fates(partial, TASK) == fates(partial, 8) == {Fate.DELIVERED: 1}


def test_identical_packets_are_counted_one_by_one():
    records = [record for k in range(20) for record in across_hosts(start_ns=1000 + 10_000 * k)]

    assert fates(analyse(*records)) == {Fate.DELIVERED: 20}


def test_of_identical_packets_exactly_those_that_are_missing_are_lost():
    records = []
    for k in range(20):
        packet = across_hosts(start_ns=1000 + 10_000 * k)
        if k % 4 == 1:
            packet = packet[:2]
        if k % 4 == 3:
            packet[2:] = [
                packet[2],
                a_record(
                    Point.DROP, at=(2, SWITCH, UPLINK), seen_ns=1250 + 10_000 * k, drop_reason=2
                ),
            ]
        records += packet

    found = fates(analyse(*records))

    assert found == {Fate.DELIVERED: 10, Fate.DROPPED: 5, Fate.VANISHED: 5}


def test_identical_packets_interleaved_on_two_processors_are_all_delivered():
    first, second = across_hosts(start_ns=1000), across_hosts(start_ns=1010)

    assert fates(analyse(*first, *second)) == {Fate.DELIVERED: 2}


def tcp(record, *, seq, length, digest):
    return record | {"protocol": 6, "tcp_seq": seq, "payload_length": length, "digest": digest}


def test_a_packet_merged_into_another_on_the_way_has_passed():
    whole = [tcp(record, seq=1000, length=100, digest=1) for record in across_hosts()]
    for record in whole[2:]:
        record["payload_length"] = 200
    merged_away = [tcp(r, seq=1100, length=100, digest=2) for r in across_hosts(start_ns=1005)[:2]]

    assert fates(analyse(*whole, *merged_away)) == {Fate.DELIVERED: 2}


def test_a_retransmission_does_not_save_the_packet_it_replaces():
    lost = [tcp(record, seq=1000, length=100, digest=1) for record in across_hosts()[:2]]
    again = [tcp(r, seq=1000, length=100, digest=2) for r in across_hosts(start_ns=90_000)]

    assert fates(analyse(*lost, *again)) == {Fate.DELIVERED: 1, Fate.VANISHED: 1}


def test_delays_count_from_the_source_and_clocks_are_related():
    records = many(3, skew_ns=5000)

    (alike,) = analyse(*records, clocks={2: 5000}).of_task(TASK)

    assert [delay.max for delay in alike.delays] == [0, 100, 200, 300]


def test_no_record_gives_an_empty_partial():
    assert analyse().alike == {}


@given(st.lists(st.integers(0, 2**50), min_size=1, max_size=200))
def test_histograms_are_right_to_two_percent(values):
    histogram = Histogram.of(np.array(values, dtype=np.int64))

    exact = sorted(values)[max(0, -(-len(values) // 2) - 1)]
    assert histogram.max == max(values)
    assert histogram.quantile(0.5) == pytest.approx(exact, rel=0.02, abs=1)


def test_outer_headers_that_differ_are_ways_that_differ():
    records = across_hosts(digest=1)
    other = across_hosts(digest=2, start_ns=5000)
    for record in other[1:3]:
        record["vni"] = 202

    assert len(analyse(*records, *other).alike) == 2
    assert an_outer().vni == 101
    assert tuple(records[0][name] for name in ("host", "netns", "ifindex")) == (1, SWITCH, TO_VM)
