"""What the scenario matrix consists of, and how outcomes are judged."""

import itertools
import json

import pytest

from dyetrace.lab.faults import FAULTS
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.matrix.choice import (
    all_groups,
    chosen,
    in_working_order,
    place_of,
    sampled,
    scenarios_of,
)
from dyetrace.lab.matrix.conduct import why_invalid
from dyetrace.lab.matrix.entries import ENTRIES
from dyetrace.lab.matrix.outcome import Found, Outcome, found_in, objects_of
from dyetrace.lab.matrix.page import page, percent
from dyetrace.lab.matrix.report import MatrixReport
from dyetrace.lab.matrix.scenario import HEALTHY, Scenario
from dyetrace.lab.traffic import Flow, Report

SCENARIO = Scenario(
    fault="acl_deny", position="source-vswitch", route="routed", family=4, protocol="udp"
)


def an_outcome(**changes):
    fields = {
        "scenario": SCENARIO,
        "verdicts": ("LOST",),
        "code": "TX_ACL_DENY",
        "host": "cn-1",
        "vfd": "vswitch",
        "found": Found(verdict="LOST", code="TX_ACL_DENY", host="cn-1", vfd="vswitch"),
        "sent": 20,
        "received": 0,
        "seconds": 1.5,
    }
    return Outcome(**(fields | changes))


def a_count(*, sent, received, missed=0):
    return Report(
        flow=Flow(source=None, destination=None),
        source_port=1,
        offered=sent,
        sent=sent,
        received=received,
        delivered=received,
        replies=0,
        dscp_seen={},
        rtts_ns=(),
        missed=missed,
    )


def a_truth(verdict="LOST", **changes):
    return Truth(verdict=verdict, host="cn-1", vfd="vswitch", code="TX_ACL_DENY", **changes)


def test_every_scenario_has_an_id_of_its_own():
    ids = [scenario.id for scenario in scenarios_of(all_groups())]

    assert len(set(ids)) == len(ids)
    assert SCENARIO.id == "acl_deny@source-vswitch/routed/ipv4/udp"
    assert SCENARIO.id in ids


def test_every_fault_is_in_the_matrix():
    assert {entry.fault.name for entry in ENTRIES} == {fault.name for fault in FAULTS}
    assert {fault.name for fault in FAULTS} < {each.fault for each in scenarios_of(all_groups())}


def test_no_entry_is_empty():
    assert [entry.fault.name for entry in ENTRIES if not list(entry.groups())] == []


def test_the_matrix_is_as_large_as_it_should_be():
    scenarios = scenarios_of(all_groups())
    healthy = [each for each in scenarios if each.fault == HEALTHY]

    assert len(healthy) >= 100
    assert len(scenarios) - len(healthy) >= 1152
    assert len(FAULTS) >= 60


def test_every_position_is_broken_in_both_families_and_all_protocols():
    for position in {each.position for each in scenarios_of(all_groups())}:
        flows = {
            (each.family, each.protocol)
            for each in scenarios_of(all_groups())
            if each.position == position
        }
        assert len(flows) == 6, position


def test_a_group_breaks_at_a_place_on_its_route():
    for group in all_groups():
        if group.fault is not None:
            assert group.position in group.route.positions


def test_a_sample_has_one_scenario_per_fault_and_position():
    everything = all_groups()

    sample = scenarios_of(sampled(everything, seed=7))

    assert sorted(map(place_of, sample)) == sorted({place_of(s) for s in scenarios_of(everything)})
    assert sample == scenarios_of(sampled(everything, seed=7))
    assert sample != scenarios_of(sampled(everything, seed=8))


def test_a_pattern_chooses_by_id():
    found = scenarios_of(chosen(all_groups(), pattern="acl_deny@.*/routed/ipv6/"))

    assert {(each.fault, each.route, each.family) for each in found} == {("acl_deny", "routed", 6)}
    assert len(found) == 6


def test_groups_of_one_kind_of_cloud_stay_together():
    kinds = [group.route.kind for group in in_working_order(all_groups())]

    assert sum(a != b for a, b in itertools.pairwise(kinds)) == len(set(kinds)) - 1


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "PARTIAL"},
        {"code": "RX_ACL_DENY"},
        {"host": "cn-2"},
        {"vfd": "vrouter-blue"},
        {"surplus": 1},
    ],
)
def test_whatever_is_false_makes_an_outcome_wrong(changes):
    right = {"verdict": "LOST", "code": "TX_ACL_DENY", "host": "cn-1", "vfd": "vswitch"}

    assert an_outcome().is_right
    assert not an_outcome(found=Found(**(right | changes))).is_right


def test_the_object_is_compared_where_the_fault_declares_it():
    truth = {"objects": ("blackhole 10.0.2.21/32", "blackhole fd00::21/128")}
    right = {"verdict": "LOST", "code": "TX_ACL_DENY", "host": "cn-1", "vfd": "vswitch"}
    named = Found(**right, object="blackhole fd00::21/128 in table main")

    assert an_outcome(**truth, found=named).is_right
    assert not an_outcome(**truth, found=Found(**right, object="10.0.2.21")).is_right
    assert an_outcome(found=Found(**right, object="anything")).is_right


@pytest.mark.parametrize(
    ("objects", "family", "compared"),
    [
        (("to 10.0.2.21/32", "to fd00::21/128"), 4, ("to 10.0.2.21/32",)),
        (("to 10.0.2.21/32", "to fd00::21/128"), 6, ("to fd00::21/128",)),
        (("172.31.1.254",), 6, ("172.31.1.254",)),
        (("ip rule 77:",), 6, ("ip rule 77:",)),
    ],
)
def test_an_object_is_of_the_flows_family_where_it_has_one(objects, family, compared):
    assert objects_of(objects, family) == compared


def test_where_no_host_is_to_blame_the_code_decides():
    truth = {"code": "UNDERLAY_LOSS", "host": None, "vfd": None}
    seen = Found(verdict="LOST", code="UNDERLAY_LOSS", host="cn-1", vfd="vswitch")

    assert an_outcome(**truth, found=seen).is_right
    assert not an_outcome(**truth, found=Found(verdict="LOST", code="LINK_LOSS")).is_right


def test_findings_that_differ_count_against_the_first():
    finding = {"code": "QUEUE_FULL", "host": "cn-1", "vfd": "vswitch", "object": "tbf"}
    answer = {
        "verdict": "LOST",
        "summary": "",
        "findings": [finding, finding, {**finding, "host": "cn-2"}],
        "undetermined": [],
    }

    assert found_in(answer).surplus == 1


@pytest.mark.parametrize(
    ("truth", "sent", "received", "is_valid"),
    [
        (a_truth(), 20, 0, True),
        (a_truth(), 20, 1, False),
        (a_truth(), 0, 0, False),
        (a_truth(other_verdicts=("PARTIAL",)), 20, 1, True),
        (a_truth("PARTIAL"), 20, 20, False),
        (a_truth("DELIVERED"), 20, 20, True),
        (a_truth("DELIVERED"), 20, 19, False),
    ],
)
def test_the_receivers_count_must_bear_the_truth_out(truth, sent, received, is_valid):
    assert (why_invalid(truth, a_count(sent=sent, received=received)) == "") is is_valid


def test_a_count_that_missed_packets_proves_nothing():
    assert why_invalid(a_truth(), a_count(sent=20, received=0, missed=1))


def test_the_report_counts_and_lists():
    wrong = an_outcome(found=Found(verdict="LOST", code="RX_ACL_DENY", host="cn-1", vfd="vswitch"))
    invalid = an_outcome(invalid="no packet was lost")
    report = MatrixReport(
        command="dyetrace lab matrix",
        seconds=60.0,
        outcomes=(an_outcome(), wrong, invalid),
        whole=3000,
    )

    written = report.as_dict()

    assert json.loads(report.as_json()) == written
    assert [each["id"] for each in written["outcomes"]] == [SCENARIO.id] * 3
    assert ["found" in each for each in written["outcomes"]] == [False, True, True]
    assert (written["scenarios"], written["invalid"]) == (3, 1)
    assert (written["broken"]["total"], written["broken"]["right"]) == (2, 1)
    assert report.confusion() == [("TX_ACL_DENY", "RX_ACL_DENY", 1)]
    shown = page(report)
    assert "| TX_ACL_DENY | RX_ACL_DENY | 1 |" in shown
    assert "no packet was lost" in shown
    assert "50.0 %" in shown
    assert "3 of the matrix's 3000 scenarios" in shown


def test_a_share_is_never_rounded_up_to_all():
    assert percent(9999, 10000) == "99.9 %"
    assert percent(3, 3) == "100 %"
    assert percent(0, 0) == "-"
