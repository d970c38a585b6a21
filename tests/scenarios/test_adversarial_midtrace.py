"""What changes while a trace runs: traffic stops, faults come and go, rules change."""

import pytest

from dyetrace.lab.faults import AclDeny, NeighbourUnresolved, RouteBlackhole, UnderlayLoss
from dyetrace.lab.traffic import exchange
from support.diagnosis import eventually, explained, filter_of, trace_while

SRC, DST = "blue-web", "blue-db"
BEFORE, AFTER = 15, 25

FAULTS = {
    "acl_deny": AclDeny(direction="rx", vm=DST),
    "route_blackhole": RouteBlackhole(),
    "underlay_loss": UnderlayLoss(),
}


def assert_works(cloud):
    eventually(
        lambda: exchange(cloud, SRC, DST, count=5).lost == 0, within_s=15, what="healthy traffic"
    )


def traced(cloud, store, *steps, packets=BEFORE + AFTER, time_s=10.0):
    """Trace while these steps are done one after another; give the answer and their results."""
    wanted = filter_of(cloud, SRC, DST, protocol="udp", family=4)
    return trace_while(
        cloud, wanted, store=store, packets=packets, time_s=time_s,
        send=lambda: [step() for step in steps],
    )  # fmt: skip


def sending(cloud, count):
    return lambda: exchange(cloud, SRC, DST, count=count, interval=0.01)


def timed(evidence):
    return [each for each in evidence if "were colored within" in each["text"]]


def test_traffic_that_stops_is_judged_by_what_was_seen(clouds, store):
    cloud = clouds("three-hosts")
    assert_works(cloud)

    answer, (seen,) = traced(cloud, store, sending(cloud, BEFORE), packets=10_000, time_s=2.0)

    assert (seen.sent, seen.lost) == (BEFORE, 0)
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert (answer["total"], answer["undetermined"]) == (BEFORE, []), explained(answer)


@pytest.mark.parametrize("name", FAULTS)
def test_of_a_fault_healed_in_mid_trace_the_lost_packets_are_told_by_time(clouds, store, name):
    cloud, fault = clouds("three-hosts"), FAULTS[name]
    truth = fault.truth(cloud)
    assert_works(cloud)
    cloud.inject(fault)
    try:
        answer, (broken, _, _, healed) = traced(
            cloud, store, sending(cloud, BEFORE), cloud.heal,
            lambda: assert_reachable(cloud), sending(cloud, AFTER),
        )  # fmt: skip
    finally:
        cloud.heal()

    assert (broken.lost, healed.lost) == (BEFORE, 0)
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert (answer["lost"], answer["total"]) == (BEFORE, BEFORE + AFTER), explained(answer)
    (finding,) = answer["findings"]
    assert (finding["code"], finding["packets"]) == (truth.code, BEFORE), explained(answer)
    assert answer["summary"].endswith(f"; the {AFTER} packets after them arrived")
    (when,) = timed(finding["evidence"])
    assert (when["class"], "had ended by then" in when["text"]) == ("inferred", True)


def assert_reachable(cloud):
    """Wait, with packets that the trace does not want, until the network works again."""
    eventually(
        lambda: exchange(cloud, SRC, DST, protocol="icmp", count=3).lost == 0,
        within_s=5,
        what="pings after healing",
    )


@pytest.mark.parametrize("name", FAULTS)
def test_of_a_fault_that_appears_in_mid_trace_so_are_they(clouds, store, name):
    cloud, fault = clouds("three-hosts"), FAULTS[name]
    truth = fault.truth(cloud)
    assert_works(cloud)
    try:
        answer, (works, _, broken) = traced(
            cloud, store, sending(cloud, BEFORE), lambda: cloud.inject(fault),
            sending(cloud, AFTER),
        )  # fmt: skip
    finally:
        cloud.heal()

    assert (works.lost, broken.lost) == (0, AFTER)
    assert answer["verdict"] == "PARTIAL", explained(answer)
    assert (answer["lost"], answer["total"]) == (AFTER, BEFORE + AFTER), explained(answer)
    (finding,) = answer["findings"]
    assert (finding["code"], finding["packets"]) == (truth.code, AFTER), explained(answer)
    assert answer["summary"].endswith(f"; the {BEFORE} packets before them arrived")
    assert_works(cloud)


def test_a_neighbour_that_answers_late_loses_nothing_that_waited(clouds, store):
    cloud, fault = clouds("three-hosts"), NeighbourUnresolved()
    assert_works(cloud)
    cloud.inject(fault)
    try:
        answer, (waiting, _, healed) = traced(
            cloud, store, sending(cloud, 2), cloud.heal, sending(cloud, AFTER), packets=2 + AFTER
        )
    finally:
        cloud.heal()

    lost = waiting.sent + healed.sent - (waiting.received + healed.received)
    assert answer["total"] == 2 + AFTER
    assert answer["lost"] <= max(lost, 2), explained(answer)
    assert answer["verdict"] in {"DELIVERED", "PARTIAL"}, explained(answer)


RULES = """
table inet guard {
    chain c {
        type filter hook forward priority 0; policy accept;
        udp dport 5432 counter drop comment "NAME"
    }
}
"""


@pytest.fixture
def guard(clouds):
    """Load or take away a rule at the vRouter."""
    cloud = clouds("three-hosts")
    netns = cloud.host("cn-1").netns["vrouter-blue"]

    def load(name):
        text = f"add table inet guard\ndelete table inet guard\n{RULES.replace('NAME', name)}"
        cloud.exec(netns, ["nft", text if name else "delete table inet guard"])

    yield load
    cloud.exec(netns, ["nft", "add table inet guard; delete table inet guard"])


def test_a_rule_deleted_in_mid_trace_is_still_named(clouds, store, guard):
    cloud = clouds("three-hosts")
    assert_works(cloud)
    guard("closed for now")

    answer, (broken, _, works) = traced(
        cloud, store, sending(cloud, BEFORE), lambda: guard(""), sending(cloud, AFTER)
    )

    assert (broken.lost, works.lost) == (BEFORE, 0)
    assert (answer["verdict"], answer["lost"]) == ("PARTIAL", BEFORE), explained(answer)
    (finding,) = answer["findings"]
    assert (finding["vfd"], finding["code"]) == ("vrouter-blue", "FORWARD_POLICY_DROP")
    assert "closed for now" in finding["object"], explained(answer)
    assert_works(cloud)


def test_a_rule_replaced_in_mid_trace_is_named_as_it_was_seen(clouds, store, guard):
    cloud = clouds("three-hosts")
    assert_works(cloud)
    guard("the first")

    answer, (first, _, second) = traced(
        cloud, store, sending(cloud, BEFORE), lambda: guard("the second"), sending(cloud, AFTER)
    )

    assert (first.received, second.received) == (0, 0)
    assert (answer["verdict"], answer["lost"]) == ("LOST", BEFORE + AFTER), explained(answer)
    assert sum(each["packets"] for each in answer["findings"]) == BEFORE + AFTER
    named = " ".join(each["object"] for each in answer["findings"])
    assert "the first" in named or "the second" in named, explained(answer)
