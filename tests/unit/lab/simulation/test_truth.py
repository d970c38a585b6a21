import pytest

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.traffic import Traffic
from dyetrace.lab.simulation.client import Answered
from dyetrace.lab.simulation.truth import outcome_of
from support.simulated import SMALL

CLOUD = SimulatedCloud(SMALL)
PLANTED = Traffic(CLOUD, 200).planted


def planted(fault, share=1.0):
    return next(each for each in PLANTED if (each.fault, each.share) == (fault, share))


def said(what, *findings, verdict="LOST", total=20):
    """The outcome of a task answered like this; a finding is (code, host, vfd)."""
    answer = {
        "verdict": verdict,
        "summary": "so it is",
        "total": total,
        "findings": [dict(zip(("code", "host", "vfd"), each, strict=True)) for each in findings],
        "cost": {"records": 7, "records_lost": 0},
    }
    answered = Answered(answer=answer, error="", added_s=0.1, verdict_s=1.0)
    return outcome_of(what, answered, CLOUD)


def right(what):
    return (what.cause, CLOUD.host_name(what.place.host), "vswitch")


def test_what_was_planted_is_right():
    what = planted("tx_rule")
    found = said(what, right(what))
    assert (found.is_verdict_right, found.is_place_right, found.is_cause_right) == (True,) * 3
    assert not found.is_false_accusation


def test_the_right_place_with_another_cause_is_half_right():
    what = planted("tx_rule")
    found = said(what, ("RX_ACL_DENY", *right(what)[1:]))
    assert (found.is_place_right, found.is_cause_right) == (True, False)


def test_another_device_is_a_false_accusation():
    what = planted("tx_rule")
    found = said(what, (what.cause, "r0-cn-elsewhere", "vswitch"))
    assert (found.is_place_right, found.is_false_accusation) == (False, True)


def test_anything_said_against_a_healthy_flow_is_a_false_accusation():
    what = next(each for each in PLANTED if not each.fault)
    assert said(what, ("UNDERLAY_LOSS", "r0-cn-0", "vswitch")).is_false_accusation
    assert said(what, verdict="DELIVERED").is_cause_right


@pytest.mark.parametrize(("total", "is_right"), [(10, True), (200, False)])
def test_packets_that_all_arrive_through_a_lossy_place_are_luck_if_they_are_few(total, is_right):
    what = planted("fabric_lossy", 0.2)
    found = said(what, verdict="DELIVERED", total=total)
    assert found.is_lucky is is_right
    assert found.is_verdict_right is is_right


def test_a_total_loss_called_partial_is_wrong():
    what = planted("tx_rule")
    assert not said(what, right(what), verdict="PARTIAL").is_verdict_right


def test_a_task_without_an_answer_is_wrong():
    what = planted("tx_rule")
    lost = Answered(answer=None, error="503", added_s=0.1, verdict_s=float("nan"))
    found = outcome_of(what, lost, CLOUD)
    assert [found.is_verdict_right, found.is_place_right, found.is_cause_right] == [False] * 3


def blind(code, verdict="UNDETERMINED"):
    answer = {"verdict": verdict, "undetermined": [{"code": code, "text": ""}]}
    answered = Answered(answer=answer, error="", added_s=0.1, verdict_s=1.0)
    return outcome_of(planted("tx_rule"), answered, CLOUD, had_agents=False)


def test_only_a_verdict_that_names_the_lack_of_an_agent_is_told_blindness():
    assert blind("AGENT_DOWN").is_blindness_told
    assert not blind("RECORDS_LOST").is_blindness_told
    assert not blind("AGENT_DOWN", verdict="LOST").is_blindness_told
