"""The clock that an agent tells: true, unless a test has shifted it."""

import time
from ipaddress import ip_address

import pytest

from dyetrace.agent.clock import VARIABLE, ToldClock
from dyetrace.datapath.driver import Batch
from dyetrace.errors import InvalidRequest
from dyetrace.model.inspection import Inspection
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from support.builders import a_source, rows

SECOND = 1_000_000_000


def an_inspection():
    flow = FiveTuple(
        src=ip_address("10.0.0.1"), dst=ip_address("10.0.0.2"), protocol=17, src_port=1, dst_port=2
    )
    return Inspection(
        netns=1, ifindex=2, in_ifindex=2, point=Point.INGRESS, five_tuple=flow,
        seen_ns=5, taken_ns=7, took_ns=1, site=SiteEvidence(),
    )  # fmt: skip


def test_it_is_the_hosts_monotonic_clock():
    before = time.monotonic_ns()

    assert before <= ToldClock().now_ns() <= time.monotonic_ns()


def test_time_records_and_inspections_are_shifted_alike(monkeypatch):
    monkeypatch.setenv(VARIABLE, "-5.5")
    clock, records = ToldClock.from_environment(), rows(a_source(seen_ns=1000))
    shift = -5 * SECOND - SECOND // 2

    told = clock.batch(Batch(records=records)).records["seen_ns"]
    (inspection,) = clock.inspections([an_inspection()])

    assert clock.now_ns() < time.monotonic_ns() - 5 * SECOND
    assert told.tolist() == [1000 + shift]
    assert records["seen_ns"].tolist() == [1000], "the driver's own records stay as they are"
    assert (inspection.seen_ns, inspection.taken_ns) == (5 + shift, 7 + shift)


@pytest.mark.parametrize("text", ["soon", "", "nan", "inf"])
def test_an_offset_that_is_no_number_is_refused(monkeypatch, text):
    monkeypatch.setenv(VARIABLE, text)

    with pytest.raises(InvalidRequest, match="give a number of seconds"):
        ToldClock.from_environment()
