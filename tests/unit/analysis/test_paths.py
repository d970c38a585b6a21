"""Paths and fates of single packets."""

import random

import pytest

from dyetrace.analysis.paths import reconstruct
from dyetrace.model.path import Fate
from dyetrace.model.record import Point, record_of
from support.builders import (
    DB,
    ROUTER,
    ROUTER_A,
    ROUTER_B,
    SWITCH,
    TO_OTHER_VM,
    TO_ROUTER,
    TO_VM,
    UPLINK,
    WEB,
    a_flow,
    a_record,
    a_source,
    across_hosts,
    an_outer,
    name_drop,
    rows,
    two_hosts,
)


def path_of(*records):
    shuffled = list(records)
    random.Random(1).shuffle(shuffled)
    found = reconstruct(
        [record_of(row) for row in rows(*shuffled)], topology=two_hosts(), name_drop=name_drop
    )
    return found.path


def places(path):
    return [(sighting.port_key, sighting.point) for sighting in path.sightings]


def test_a_packet_seen_at_every_point_is_delivered_in_that_order():
    path = path_of(*across_hosts())

    assert path.fate is Fate.DELIVERED
    assert places(path) == [
        ((1, SWITCH, TO_VM), Point.INGRESS),
        ((1, SWITCH, UPLINK), Point.EGRESS),
        ((2, SWITCH, UPLINK), Point.INGRESS),
        ((2, SWITCH, TO_VM), Point.EGRESS),
    ]


@pytest.mark.parametrize("skew_ns", [-(10**12), -150, 150, 10**12])
def test_clocks_of_hosts_do_not_change_the_order(skew_ns):
    assert places(path_of(*across_hosts(skew_ns=skew_ns))) == places(path_of(*across_hosts()))


def test_a_packet_that_left_a_host_and_never_came_in_elsewhere_vanished_there():
    path = path_of(*across_hosts()[:2])

    assert path.fate is Fate.VANISHED
    assert path.last.port_key == (1, SWITCH, UPLINK)


def test_a_drop_after_leaving_by_a_port_is_that_ports_queue():
    records = [
        *across_hosts(),
        a_record(Point.DROP, at=(2, SWITCH, TO_VM), seen_ns=1400, drop_reason=4),
    ]

    path = path_of(*records)

    assert path.fate is Fate.DROPPED
    assert path.last.drop.reason == "QDISC_DROP"
    assert len(path.sightings) == 5


def test_the_way_through_a_router_on_the_same_host_follows_the_link():
    flow = a_flow(WEB, DB)
    records = [
        a_source(seen_ns=0),
        a_record(Point.EGRESS, at=(1, SWITCH, TO_ROUTER), seen_ns=1),
        a_record(Point.INGRESS, at=(1, ROUTER, ROUTER_A), seen_ns=2),
        a_record(Point.EGRESS, at=(1, ROUTER, ROUTER_B), seen_ns=3, ttl=63, flow=flow),
        a_record(Point.INGRESS, at=(1, SWITCH, TO_ROUTER), seen_ns=4, ttl=63),
        a_record(Point.EGRESS, at=(1, SWITCH, UPLINK), seen_ns=5, ttl=63, outer=an_outer()),
        a_record(Point.INGRESS, at=(2, SWITCH, UPLINK), seen_ns=-50, ttl=63, outer=an_outer()),
        a_record(Point.EGRESS, at=(2, SWITCH, TO_VM), seen_ns=-40, ttl=63),
    ]

    path = path_of(*records)

    assert path.fate is Fate.DELIVERED
    assert [sighting.seen_ns for sighting in path.sightings] == [0, 1, 2, 3, 4, 5, -50, -40]


def test_a_flooded_copy_dropped_elsewhere_is_no_loss():
    records = [
        *across_hosts(),
        a_record(Point.EGRESS, at=(1, SWITCH, TO_ROUTER), seen_ns=1050),
        a_record(Point.INGRESS, at=(1, ROUTER, ROUTER_A), seen_ns=1060),
        a_record(Point.DROP, at=(1, ROUTER, ROUTER_A), seen_ns=1070, drop_reason=3),
    ]

    path = path_of(*records)

    assert path.fate is Fate.DELIVERED
    assert len(path.sightings) == 4


def test_a_copy_for_a_stranger_is_no_delivery():
    records = [
        *across_hosts()[:3],
        a_record(Point.EGRESS, at=(2, SWITCH, TO_OTHER_VM), seen_ns=1300),
    ]

    path = path_of(*records)

    assert path.fate is Fate.VANISHED
    assert path.last.port_key == (2, SWITCH, UPLINK)
    assert path.last.point is Point.INGRESS


def test_the_only_copy_sent_on_to_another_host_is_misdelivered_there():
    records = [
        *across_hosts()[:3],
        a_record(Point.EGRESS, at=(2, SWITCH, UPLINK), seen_ns=1300, outer=an_outer(2, 1)),
        a_record(Point.INGRESS, at=(1, SWITCH, UPLINK), seen_ns=1400, outer=an_outer(2, 1)),
        a_record(Point.EGRESS, at=(1, SWITCH, TO_OTHER_VM), seen_ns=1500),
    ]

    path = path_of(*records)

    assert path.fate is Fate.VANISHED
    assert path.last.port_key == (1, SWITCH, TO_OTHER_VM)


def test_the_drop_at_the_destination_counts_not_the_copy_that_went_on_elsewhere():
    records = [
        *across_hosts()[:3],
        a_record(Point.DROP, at=(2, SWITCH, UPLINK), seen_ns=1250, drop_reason=2),
        a_record(Point.EGRESS, at=(2, SWITCH, TO_ROUTER), seen_ns=1260),
        a_record(Point.INGRESS, at=(2, ROUTER, ROUTER_A), seen_ns=1270),
        a_record(Point.DROP, at=(2, ROUTER, ROUTER_A), seen_ns=1280, drop_reason=3),
    ]

    assert path_of(*records).last.drop.reason == "NETFILTER_DROP"


def test_a_missing_record_is_not_a_lost_packet():
    for missing in (1, 2):
        records = across_hosts()
        del records[missing]

        assert path_of(*records).fate is Fate.DELIVERED


def test_nat_is_followed():
    translated = a_flow("203.0.113.2", DB, src_port=999)
    records = across_hosts()
    for record in records[1:]:
        record.update(
            {
                k: v
                for k, v in a_record(Point.EGRESS, at=(1, 1, 1), seen_ns=0, flow=translated).items()
                if k in {"src", "src_port"}
            }
        )

    path = path_of(*records)

    assert path.fate is Fate.DELIVERED
    assert str(path.sightings[1].five_tuple.src) == "203.0.113.2"
    assert str(path.five_tuple.src) == WEB


def test_a_loop_is_followed_round_by_round():
    records = [a_source(seen_ns=0, ttl=9)]
    for turn in range(3):
        seen_ns, ttl = 10 * turn, 9 - turn
        records += [
            a_record(Point.EGRESS, at=(1, SWITCH, TO_ROUTER), seen_ns=seen_ns + 1, ttl=ttl),
            a_record(Point.INGRESS, at=(1, ROUTER, ROUTER_A), seen_ns=seen_ns + 2, ttl=ttl),
            a_record(Point.EGRESS, at=(1, ROUTER, ROUTER_A), seen_ns=seen_ns + 3, ttl=ttl - 1),
            a_record(Point.INGRESS, at=(1, SWITCH, TO_ROUTER), seen_ns=seen_ns + 4, ttl=ttl - 1),
        ]
    records.append(
        a_record(Point.DROP, at=(1, SWITCH, TO_ROUTER), seen_ns=99, ttl=6, drop_reason=1)
    )

    path = path_of(*records)

    assert path.fate is Fate.DROPPED
    assert [sighting.ttl for sighting in path.sightings] == [
        9,
        9,
        9,
        8,
        8,
        8,
        8,
        7,
        7,
        7,
        7,
        6,
        6,
        6,
    ]
