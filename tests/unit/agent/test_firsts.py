"""Which records are inspected for: each flow and each kind of drop once, and not too many."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dyetrace.agent import firsts
from dyetrace.agent.firsts import MOST_DROPS, MOST_FLOWS, Firsts
from dyetrace.datapath.driver import Batch
from dyetrace.model.record import Point
from support.builders import ROUTER, SWITCH, TO_ROUTER, TO_VM, a_flow, a_record, an_outer, rows

RULE, QUEUE = 8, 9
NAMES = {RULE: "NETFILTER_DROP", QUEUE: "QDISC_DROP"}
AT_VM = (1, SWITCH, TO_VM)


def came_in(digest=1, *, at=AT_VM, **fields):
    return a_record(Point.INGRESS, at=at, seen_ns=digest, digest=digest, **fields)


def dropped(digest=1, *, at=AT_VM, reason=RULE, call_site=0xFF00, **fields):
    return a_record(
        Point.DROP, at=at, seen_ns=digest, digest=digest, drop_reason=reason, call_site=call_site,
        **fields,
    )  # fmt: skip


def a_batch(*records):
    return Batch(records=rows(*records), drop_names=NAMES, symbols={0xFF00: "nft_do_chain"})


def test_a_flow_is_inspected_once_at_each_vfd():
    found = Firsts()

    first = found.of(a_batch(came_in(1), came_in(2), came_in(2, at=(1, ROUTER, 21))))
    again = found.of(a_batch(came_in(3), came_in(3, at=(1, ROUTER, 21))))

    assert [(each.record.netns, each.record.digest) for each in first] == [(SWITCH, 1), (ROUTER, 2)]
    assert again == []


def test_what_left_a_vfd_is_not_inspected_for():
    left = a_record(Point.EGRESS, at=AT_VM, seen_ns=1)

    assert Firsts().of(a_batch(left)) == []


def test_each_kind_of_drop_is_inspected_once_and_before_the_flows():
    found = Firsts().of(
        a_batch(
            came_in(1),
            dropped(1),
            dropped(2),
            dropped(3, call_site=0xFF01),
            dropped(4, reason=QUEUE),
        )
    )

    kinds = [(each.record.point, each.drop_reason, each.symbol) for each in found]
    assert kinds == [
        (Point.DROP, "NETFILTER_DROP", "nft_do_chain"),
        (Point.DROP, "NETFILTER_DROP", "nft_do_chain"),  # of a packet that was not seen coming in
        (Point.DROP, "NETFILTER_DROP", ""),
        (Point.DROP, "QDISC_DROP", "nft_do_chain"),
        (Point.INGRESS, "", ""),
    ]


def test_a_drop_knows_how_its_packet_came_in_even_from_an_earlier_batch():
    found, before, after = Firsts(), a_flow(), a_flow(dst="10.0.9.9")
    found.of(a_batch(came_in(5, at=(1, SWITCH, 3), flow=before, outer=an_outer(vni=102))))

    (drop,) = found.of(a_batch(dropped(5, at=(1, SWITCH, TO_ROUTER), flow=after)))

    assert (drop.in_ifindex, drop.in_vni, drop.came_as) == (3, 102, before)
    assert drop.record.five_tuple == after


def test_rules_may_drop_each_flow_for_another_reason_but_a_queue_does_not():
    flows = [a_flow(src_port=port) for port in range(4)]

    by_rule = Firsts().of(a_batch(*[dropped(9, flow=flow) for flow in flows]))
    by_queue = Firsts().of(a_batch(*[dropped(9, flow=flow, reason=QUEUE) for flow in flows]))

    assert (len(by_rule), len(by_queue)) == (4, 1)


def test_a_drop_of_other_addresses_is_another_for_they_have_other_routes():
    flows = [a_flow(), a_flow(dst="10.0.2.22"), a_flow(src="10.0.1.12")]

    found = Firsts().of(a_batch(*[dropped(9, flow=flow, reason=QUEUE) for flow in flows]))

    assert [first.record.five_tuple for first in found] == flows


def test_what_is_above_the_limits_is_counted_once_a_flow():
    found = Firsts()
    batch = a_batch(
        *[came_in(port + 1, flow=a_flow(src_port=port)) for port in range(MOST_FLOWS + 5)],
        *[dropped(0x1000 + site, call_site=site) for site in range(MOST_DROPS + 3)],
    )

    inspected = found.of(batch)
    found.of(batch)

    assert len(inspected) == MOST_FLOWS + MOST_DROPS == 64
    assert found.left_out == 5 + 3


@given(st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=200))
def test_memory_is_bounded_whatever_comes(packets):
    found = Firsts()
    with np.errstate(all="raise"):
        for number, (port, is_drop) in enumerate(packets, start=1):
            make = dropped if is_drop else came_in
            found.of(a_batch(make(number, flow=a_flow(src_port=port))))

    assert len(found._ways_in) <= firsts.WAYS_KEPT
    assert len(found._known) <= firsts.MOST_KEYS


def test_ways_in_are_forgotten_oldest_first(monkeypatch):
    monkeypatch.setattr(firsts, "WAYS_KEPT", 2)
    found = Firsts()
    found.of(a_batch(came_in(1), came_in(2), came_in(3)))

    drops = found.of(a_batch(dropped(1), dropped(3, call_site=0xFF01)))

    assert [each.in_ifindex for each in drops] == [0, TO_VM]
