from dataclasses import replace

import numpy as np

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.shape import Unreliable
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.model.record import Point
from dyetrace.model.topology import Topology
from dyetrace.planning.plan import plan
from support.simulated import SMALL, drivers_of, task_for

SECOND = 1_000_000_000
TRAFFIC = Traffic(SimulatedCloud(SMALL), 60)
TOPOLOGY = Topology(hosts=tuple(TRAFFIC.cloud.host(host) for host in range(SMALL.hosts)))


def planted(fault):
    return next(each for each in TRAFFIC.planted if each.fault == fault)


class Running:
    """A task's policies on all hosts, and a clock that only the test moves."""

    def __init__(self, what, *, logs=lambda _: True, lease_s=10, unreliable=None, **limits):
        self.now_ns, self.task = SECOND, task_for(what, **limits)
        self.drivers = drivers_of(TRAFFIC, unreliable=unreliable, now_ns=lambda: self.now_ns)
        wanted = plan(self.task, TOPOLOGY)
        for driver in self.drivers:
            number = TRAFFIC.cloud.number_of[driver.host]
            if number in wanted.log:
                driver.log_at(frozenset(filter(logs, wanted.log[number].ports)))
            if number in wanted.color:
                driver.color(wanted.color[number], lease_ns=lease_s * SECOND)
                self.source = driver

    def after(self, seconds):
        """All records there are this much later."""
        self.now_ns += round(seconds * SECOND)
        self.source.read()
        return np.concatenate([driver.read().records for driver in self.drivers])

    @property
    def colored(self):
        return self.source.color_counts(self.task.id).colored


def test_exactly_the_wanted_number_of_packets_is_colored():
    running = Running(planted(""), packet_count=7)
    running.after(1)
    assert running.colored == 7


def test_coloring_ends_with_its_lease():
    running = Running(planted(""), lease_s=1, packet_count=10_000)
    running.after(60)
    assert running.colored == 100  # packets a second, for a second


def test_coloring_goes_on_with_a_renewed_lease():
    running = Running(planted(""), lease_s=1, packet_count=150)
    running.source.renew(running.task.id, lease_ns=10 * SECOND)
    running.after(5)
    assert running.colored == 150


def test_ports_that_are_not_logged_make_no_records():
    what = planted("")
    first = what.way[0]
    only = (TRAFFIC.cloud.number_of[first.host], first.netns, first.ifindex)
    running = Running(what, logs=lambda key: key == only, packet_count=5)
    running.now_ns += SECOND
    records = np.concatenate([driver.read().records for driver in running.drivers])
    assert {tuple(row) for row in records[["host", "netns", "ifindex"]].tolist()} == {only}


def test_a_faults_drops_carry_its_reason_and_its_evidence():
    what = planted("rx_rule")
    running = Running(what, packet_count=5)
    running.now_ns += SECOND
    batches = [driver.read() for driver in [running.source, *running.drivers]]
    drops = [batch for batch in batches if (batch.records["point"] == Point.DROP).any()]
    assert len(drops) == 1
    numbers = drops[0].records["drop_reason"][drops[0].records["point"] == Point.DROP]
    assert {drops[0].drop_names[int(number)] for number in numbers} == {"NETFILTER_DROP"}
    found = TRAFFIC.fault_at(what.place.host, what.place.netns, what.place.flow)
    assert found is not None
    assert str(what.place.flow.src) in found[0].site(found[1]).dropped_by.text


def test_lost_records_are_lost_and_counted():
    running = Running(planted(""), unreliable=Unreliable(records_lost=0.5), packet_count=200)
    running.now_ns += 3 * SECOND
    batches = [driver.read() for driver in [running.source, *running.drivers]]
    kept = sum(len(batch.records) for batch in batches)
    lost = sum(driver.losses().lost_in_ring for driver in running.drivers)
    assert kept + lost == 200 * len(planted("").way)
    assert 0.4 < lost / (kept + lost) < 0.6


def test_late_records_come_late_and_come():
    unreliable = Unreliable(records_late=1.0, late_s=2.0)
    running = Running(planted(""), unreliable=unreliable, packet_count=20)
    assert len(running.after(1)) == 0
    # the source is read twice, the first time for what it sends
    running.now_ns += 3 * SECOND
    came = [driver.read().records for driver in running.drivers]
    assert sum(map(len, came)) == 20 * len(planted("").way)


def test_filters_that_do_not_match_color_nothing():
    what = planted("")
    flow = replace(what.flow, dst_port=9)
    running = Running(replace(what, flow=flow), packet_count=5)
    running.after(1)
    assert running.colored == 0


def test_a_healthy_flows_packets_are_seen_at_every_stop():
    what = planted("")
    running = Running(what, packet_count=5)
    running.now_ns += SECOND
    records = np.concatenate(
        [driver.read().records for driver in [running.source, *running.drivers]]
    )
    _, sightings = np.unique(records["digest"], return_counts=True)
    assert sightings.tolist() == 5 * [len(what.way)]
