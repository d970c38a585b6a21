"""Streaming: any order and any batching gives what all records at once give."""

import random
from collections import Counter, defaultdict
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.counting import counted
from dyetrace.analysis.merging import merged
from dyetrace.analysis.partition import Bounds, Partition
from dyetrace.analysis.paths import reconstruct
from dyetrace.analysis.tally import of_task
from dyetrace.model.path import Fate
from dyetrace.model.record import RecordFlag, record_of
from support.builders import TASK, across_hosts, name_drop, rows, two_hosts
from support.streams import GRACE_NS, OTHER_TASK, Arrival, Knobs, columns, stream

BOUNDS = Bounds(grace_ns=GRACE_NS, patience_ns=0, memory_ns=2 * GRACE_NS)
PATIENT = Bounds(grace_ns=GRACE_NS, patience_ns=20 * GRACE_NS, memory_ns=2 * GRACE_NS)
LATER = 1000 * GRACE_NS

knobs = st.builds(
    Knobs,
    seed=st.integers(0, 2**32),
    packets=st.integers(1, 40),
    loss=st.sampled_from([0.0, 0.1, 0.5]),
    repeats=st.sampled_from([0.0, 0.2]),
    skew_ns=st.sampled_from([0, 10**6, -(10**6)]),
    alike=st.sampled_from([1, 1, 4]),
    tcp=st.booleans(),
    cut_short=st.booleans(),
)


def partial_of(tally):
    return Analysis(topology=two_hosts(), name_drop=name_drop).partial(tally)


def ahead(partition):
    """All that would be counted if every packet were over."""
    return merged([partition.tally(), partition.held_tally()])


def fates(partial, task=TASK):
    found = Counter()
    for alike in partial.of_task(task):
        found[alike.path.fate] += alike.packets
    return dict(found)


def streamed(arrivals, draw, *, bounds=BOUNDS, partitions=1, restarts=False):
    """Feed partitions in batches cut at random, each record at its time; give their tallies."""
    parts = [Partition(bounds) for _ in range(partitions)]
    left = list(arrivals)
    while left:
        cut = draw.randrange(1, len(left) + 1)
        batch, left = left[:cut], left[cut:]
        shares = defaultdict(list)
        for arrival in batch:
            shares[arrival.record["digest"] % partitions].append(arrival)
        for number, share in shares.items():
            draw.shuffle(share)  # within a batch in any order, as it came at its end
            parts[number].take(columns(share), batch[-1].at_ns)
        for number, part in enumerate(parts):
            part.advance(batch[-1].at_ns)
            if restarts:
                parts[number] = Partition(bounds, part.state())
    for part in parts:
        part.advance(LATER)
        part.advance(2 * LATER)
    return parts


@settings(max_examples=150, deadline=None)
@given(
    knobs,
    st.integers(0, 2**32),
    st.sampled_from([BOUNDS, PATIENT]),
    st.sampled_from([1, 3]),
    st.booleans(),
)
def test_a_stream_gives_what_all_records_at_once_give(knobs, seed, bounds, partitions, restarts):
    arrivals = stream(knobs)
    if not arrivals:
        return
    parts = streamed(
        arrivals, random.Random(seed), bounds=bounds, partitions=partitions, restarts=restarts
    )

    at_once = counted(columns(arrivals))
    together = merged([part.tally() for part in parts])
    assert partial_of(together).alike == partial_of(at_once).alike
    assert together.records == at_once.records
    assert sum(sum(part.late.values()) for part in parts) == 0


@pytest.mark.parametrize("at_once", [2, 7, 50])
def test_it_makes_no_difference_how_many_records_are_counted_at_once(at_once, monkeypatch):
    arrivals = stream(Knobs(seed=3, packets=40, loss=0.1))
    monkeypatch.setattr("dyetrace.analysis.partition.BATCH", at_once)
    (streaming,) = streamed(arrivals, random.Random(1))
    counted_at_once = counted(columns(arrivals))
    assert partial_of(streaming.tally()).alike == partial_of(counted_at_once).alike
    assert streaming.tally().records == counted_at_once.records


@settings(max_examples=60, deadline=None)
@given(knobs)
def test_tasks_taken_apart_are_what_they_are_together(knobs):
    assume(not (knobs.tcp and knobs.loss))  # pieces of a flow are known by their own task only
    tally = counted(columns(stream(knobs) or stream(Knobs(seed=1))))
    strangers = of_task(tally, 0)

    whole = partial_of(tally)
    for task in (TASK, OTHER_TASK):
        alone = partial_of(merged([of_task(tally, task), strangers]))
        assert alone.of_task(task) == whole.of_task(task)


def by_dictionary(arrivals):
    """The same in plain Python: packets by task, fate and ports, of streams without look-alikes."""
    packets = defaultdict(dict)
    for arrival in arrivals:
        row = rows(arrival.record)[0]
        packets[arrival.record["digest"]][row.tobytes()] = record_of(row)
    found = Counter()
    for records in packets.values():
        tasks = {record.task_id for record in records.values()} - {0}
        sources = [record for record in records.values() if record.is_source][:1]
        others = [record for record in records.values() if not record.is_source]
        if not sources:
            continue
        path = reconstruct(sources + others, topology=two_hosts(), name_drop=name_drop).path
        ports = tuple((seen.port_key, seen.point, seen.ttl) for seen in path.sightings)
        for task in tasks:
            found[task, path.fate, ports] += 1
    return found


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.2]))
def test_counts_are_those_of_plain_python(seed, repeats):
    arrivals = stream(Knobs(seed=seed, repeats=repeats))

    found = Counter()
    for (task, _), alike in partial_of(counted(columns(arrivals))).alike.items():
        ports = tuple((seen.port_key, seen.point, seen.ttl) for seen in alike.path.sightings)
        found[task, alike.path.fate, ports] += alike.packets
    assert found == by_dictionary(arrivals)


def taken(partition, *records, at_ns):
    partition.take(columns([Arrival(at_ns, record) for record in records]), at_ns)


def test_a_packet_is_held_until_its_grace_is_over_and_can_be_seen_before():
    partition = Partition(BOUNDS)
    taken(partition, *across_hosts(), at_ns=0)

    partition.advance(GRACE_NS - 1)
    assert fates(partial_of(partition.tally())) == {}
    assert fates(partial_of(ahead(partition))) == {Fate.DELIVERED: 1}
    partition.advance(GRACE_NS)
    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 1}


def restored(record):
    """As a record says it that gave the packet its DSCP back."""
    return record | {"flags": RecordFlag.RESTORED}


def test_what_comes_late_is_still_of_a_packet_whose_end_was_not_seen():
    partition = Partition(PATIENT)
    *early, last = across_hosts()
    taken(partition, *early, at_ns=0)
    partition.advance(GRACE_NS)
    assert fates(partial_of(partition.tally())) == {}
    assert fates(partial_of(ahead(partition))) == {Fate.VANISHED: 1}

    taken(partition, restored(last), at_ns=15 * GRACE_NS)
    partition.advance(16 * GRACE_NS)

    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 1}
    assert partition.held == 0
    assert partition.late == {}


def test_a_source_record_that_comes_late_is_still_of_a_packet_whose_end_was_seen():
    partition = Partition(PATIENT)
    source, *others, last = across_hosts()
    taken(partition, *others, restored(last), at_ns=0)
    partition.advance(GRACE_NS)

    taken(partition, source, at_ns=15 * GRACE_NS)
    partition.advance(16 * GRACE_NS)

    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 1}
    assert partition.late == {}


def test_a_packet_whose_end_is_never_seen_is_counted_in_the_end():
    partition = Partition(PATIENT)
    taken(partition, *across_hosts()[:2], at_ns=0)
    partition.advance(GRACE_NS)
    partition.advance(21 * GRACE_NS - 1)
    assert partition.held == 2

    partition.advance(21 * GRACE_NS)

    assert partition.held == 0
    assert fates(partial_of(partition.tally())) == {Fate.VANISHED: 1}


def test_a_packet_that_has_ended_is_not_waited_for():
    partition = Partition(PATIENT)
    *early, last = across_hosts()
    taken(partition, *early, restored(last), at_ns=0)

    partition.advance(GRACE_NS)

    assert partition.held == 0


def test_no_more_wait_for_their_end_than_may():
    partition = Partition(replace(PATIENT, most_unended=20))
    for number in range(1, 40):
        taken(partition, *across_hosts(digest=number)[:2], at_ns=number * GRACE_NS)
        partition.advance((number + 1) * GRACE_NS)
        assert partition.held <= 22

    partition.advance(LATER)
    assert fates(partial_of(partition.tally())) == {Fate.VANISHED: 39}


def test_each_record_prolongs_its_packets_time():
    partition = Partition(BOUNDS)
    for number, record in enumerate(across_hosts()):
        taken(partition, record, at_ns=number * (GRACE_NS - 1))
        partition.advance(number * (GRACE_NS - 1))

    partition.advance(LATER)
    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 1}


def test_a_record_that_comes_too_late_is_told_and_makes_no_packet():
    partition = Partition(BOUNDS)
    *early, last = across_hosts()
    taken(partition, *early, at_ns=0)
    partition.advance(GRACE_NS)
    taken(partition, last, at_ns=GRACE_NS + 1)
    partition.advance(2 * GRACE_NS + 1)

    assert fates(partial_of(partition.tally())) == {Fate.VANISHED: 1}
    assert partition.late == {TASK: 1}


def test_a_source_record_that_comes_too_late_is_no_loss():
    partition = Partition(BOUNDS)
    source, *others = across_hosts()
    taken(partition, *others, at_ns=0)
    partition.advance(GRACE_NS)
    taken(partition, source, at_ns=GRACE_NS + 1)
    partition.advance(2 * GRACE_NS + 1)

    assert fates(partial_of(partition.tally())) == {}
    assert partition.late == {TASK: 1}


def test_records_that_come_again_when_their_packet_is_over_change_nothing():
    partition = Partition(BOUNDS)
    for turn in range(2):
        taken(partition, *across_hosts(), at_ns=turn * (GRACE_NS + 1))
        partition.advance((turn + 1) * (GRACE_NS + 1))

    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 1}


def test_a_packet_of_the_same_content_that_comes_later_is_another():
    partition = Partition(BOUNDS)
    for turn in range(2):
        taken(partition, *across_hosts(start_ns=1000 + turn * 10**6), at_ns=turn * (GRACE_NS + 1))
        partition.advance((turn + 1) * (GRACE_NS + 1))

    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 2}
    assert partition.late == {}


@pytest.mark.parametrize("most_records", [0, 10, 100])
def test_no_more_records_are_held_than_may_be(most_records):
    partition = Partition(Bounds(grace_ns=GRACE_NS, patience_ns=0, most_records=most_records))
    for number in range(1, 60):
        taken(partition, *across_hosts(digest=number), at_ns=number * GRACE_NS // 8)
        partition.advance(0)
        assert partition.held <= most_records

    partition.advance(LATER)
    assert fates(partial_of(partition.tally())) == {Fate.DELIVERED: 59}


def test_when_too_many_are_left_open_packets_are_counted_as_they_are():
    partition = Partition(Bounds(grace_ns=GRACE_NS, patience_ns=0, most_open=20))
    for number in range(1, 40):
        vanished = across_hosts(digest=number, ip_id=number)[:2]
        taken(partition, *vanished, at_ns=number * 10 * GRACE_NS)
        partition.advance(number * 10 * GRACE_NS)
    partition.advance(LATER)

    assert partition.tally().open.shape[1] <= 22
    assert fates(partial_of(partition.tally())) == {Fate.VANISHED: 39}


def test_a_task_is_forgotten_when_nothing_of_it_has_come_for_long():
    partition = Partition(BOUNDS)
    source, *others = across_hosts(digest=2)
    taken(partition, *across_hosts(), at_ns=0)
    partition.advance(9 * GRACE_NS)
    taken(partition, source | {"task_id": OTHER_TASK}, *others, at_ns=10 * GRACE_NS)
    partition.advance(20 * GRACE_NS)

    partition.forget(10 * GRACE_NS)
    assert fates(partial_of(partition.tally())) == {}
    assert fates(partial_of(partition.tally()), OTHER_TASK) == {Fate.DELIVERED: 1}
