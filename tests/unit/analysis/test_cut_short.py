"""Drops whose payload could not be read are told from their packets all the same."""

import pytest

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.cut_short import with_known_digests
from dyetrace.model.path import Fate
from dyetrace.model.record import Point, RecordFlag
from support.builders import (
    SWITCH,
    TASK,
    TO_VM,
    a_flow,
    a_record,
    a_source,
    name_drop,
    rows,
    two_hosts,
)

HERE = (1, SWITCH, TO_VM)
SEGMENT = {"flow": a_flow(protocol=6), "tcp_seq": 5000}
CUT_SHORT = {"flags": RecordFlag.TRUNCATED, "digest": 99}


def a_drop(**fields):
    return a_record(Point.DROP, at=HERE, seen_ns=2000, drop_reason=2, **(CUT_SHORT | fields))


def digests(*records):
    return with_known_digests(rows(*records))["digest"].tolist()


def test_a_segment_whose_payload_was_not_read_at_its_drop_is_dropped_not_vanished():
    records = rows(a_source(digest=1, **SEGMENT), a_drop(**SEGMENT))

    partial = Analysis(topology=two_hosts(), name_drop=name_drop).analyze(records)

    assert [alike.path.fate for alike in partial.of_task(TASK)] == [Fate.DROPPED]


def test_a_translated_segment_is_known_by_what_is_not_translated():
    translated = SEGMENT | {"flow": a_flow(dst="10.0.9.1", protocol=6)}

    assert digests(a_source(digest=1, **SEGMENT), a_drop(**translated)) == [1, 1]


@pytest.mark.parametrize(
    "other", [{"tcp_seq": 5001}, {"payload_length": 33}, {"host": 2}, {"ip_id": 7}]
)
def test_another_segment_is_not_taken_for_it(other):
    assert digests(a_source(digest=1, **SEGMENT), a_drop(**(SEGMENT | other))) == [1, 99]


def test_where_two_packets_can_be_meant_none_is():
    both = (a_source(digest=1, **SEGMENT), a_source(digest=2, **SEGMENT))

    assert digests(*both, a_drop(**SEGMENT)) == [1, 2, 99]


def test_a_datagram_without_id_is_not_guessed_at():
    assert digests(a_source(digest=1), a_drop()) == [1, 99]
    assert digests(a_source(digest=1, ip_id=7), a_drop(ip_id=7)) == [1, 1]


def test_a_drop_that_was_read_in_full_keeps_its_digest():
    assert digests(a_source(digest=1, **SEGMENT), a_drop(**SEGMENT, flags=0)) == [1, 99]
