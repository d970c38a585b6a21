"""What agents inspected, given to the losses and paths it belongs to."""

from datetime import UTC, datetime

from dyetrace.analysis.analyze import Analysis
from dyetrace.controller.inspections import OfHost, taken_at_drop, with_inspections, with_rule
from dyetrace.model.inspection import Inspection
from dyetrace.model.record import Point
from dyetrace.model.rule_met import MetAs, RuleMet
from dyetrace.model.site import SecurityRule, SiteEvidence
from dyetrace.model.verdict import Cost, Verdict, VerdictKind
from dyetrace.wire.answer import answer_of
from dyetrace.wire.tenant_view import as_tenant
from support.builders import (
    ROUTER,
    SWITCH,
    TASK,
    TO_ROUTER,
    TO_VM,
    UPLINK,
    a_flow,
    a_task,
    name_drop,
    rows,
    two_hosts,
)
from support.verdicts import packets

RULE = SecurityRule(family="inet", table="t", chain="c", handle=7, text="drop")
MET = RuleMet(
    family="inet", table="t", chain="c", met_as=MetAs.RULE, decision="drop", handle=7, text="drop"
)
AT_DROP = ((1, SWITCH, TO_ROUTER), Point.DROP, "NETFILTER_DROP", "nft_do_chain")
WAY_IN = (1, SWITCH, TO_VM)


def an_inspection(**fields):
    defaults = {
        "netns": SWITCH,
        "ifindex": TO_VM,
        "in_ifindex": TO_VM,
        "point": Point.INGRESS,
        "five_tuple": a_flow(),
        "seen_ns": 1_000,
        "taken_ns": 3_000,
        "took_ns": 500,
        "site": SiteEvidence(),
    }
    return Inspection(**{**defaults, **fields})


def a_drop(**fields):
    defaults = {
        "ifindex": TO_ROUTER,
        "point": Point.DROP,
        "drop_reason": "NETFILTER_DROP",
        "symbol": "nft_do_chain",
        "site": SiteEvidence(dropped_by=RULE),
    }
    return an_inspection(**{**defaults, **fields})


def at_drop(*taken, way_in=WAY_IN, flow=None):
    hosts = [OfHost(host=1, taken=taken)]
    return taken_at_drop(hosts, (*AT_DROP, way_in, flow), flow or a_flow())


def test_what_was_taken_at_a_drop_is_found_by_all_that_tells_the_loss():
    assert at_drop(a_drop()).dropped_by == RULE
    for other in (
        a_drop(netns=ROUTER),
        a_drop(ifindex=TO_VM),
        a_drop(drop_reason="NO_SOCKET"),
        a_drop(symbol="nf_hook_slow"),
        a_drop(in_ifindex=TO_ROUTER),
        an_inspection(ifindex=TO_ROUTER),
    ):
        assert at_drop(other) is None
    on_another_host = [OfHost(host=2, taken=[a_drop()])]
    assert taken_at_drop(on_another_host, (*AT_DROP, WAY_IN, None), a_flow()) is None


def test_what_was_taken_for_other_addresses_tells_nothing_of_these():
    assert at_drop(a_drop(five_tuple=a_flow(dst="10.9.9.9"))) is None
    assert at_drop(a_drop(five_tuple=a_flow(src_port=9))) is not None


def test_a_drop_whose_way_in_was_not_seen_counts_for_any():
    assert at_drop(a_drop(in_ifindex=0)) is not None
    assert at_drop(a_drop(in_ifindex=0), way_in=None) is not None
    assert at_drop(a_drop(), way_in=None) is None


def test_flows_that_rules_drop_apart_have_their_own():
    mine, other = a_flow(), a_flow(src_port=9)

    assert at_drop(a_drop(five_tuple=other), flow=mine) is None
    assert at_drop(a_drop(five_tuple=other), a_drop(), flow=mine) is not None


def test_a_closer_look_adds_the_rule_and_nothing_else():
    taken = SiteEvidence(forwarding=True, notes=("then",))
    later = SiteEvidence(forwarding=False, dropped_by=RULE, rules_met=(MET,))

    both = with_rule(taken, later)

    assert (both.dropped_by, both.rules_met) == (RULE, (MET,))
    assert (both.forwarding, both.notes) == (True, ("then",))
    assert with_rule(taken, SiteEvidence(forwarding=False)) == taken


def found_of(*records):
    partial = Analysis(topology=two_hosts(), name_drop=name_drop).analyze(rows(*records), None)
    return partial.of_task(TASK)


def a_verdict(*hosts, found):
    verdict = Verdict(
        task=a_task(), kind=VerdictKind.DELIVERED, summary="OK", total=1, lost=0,
        finished_at=datetime(2026, 1, 1, tzinfo=UTC), cost=Cost(hosts=2, records=9),
    )  # fmt: skip
    return with_inspections(verdict, hosts, found, two_hosts())


def test_a_verdict_has_the_inspections_of_its_paths_in_the_order_of_the_path():
    there = OfHost(host=2, taken=[an_inspection(ifindex=UPLINK)])
    here = OfHost(host=1, taken=[a_drop(seen_ns=2_000), an_inspection()])

    verdict = a_verdict(there, here, found=found_of(*packets(1)))

    assert [(each.host, each.vfd, each.taken.point.name) for each in verdict.inspections] == [
        ("cn-1", "vswitch", "INGRESS"),
        ("cn-1", "vswitch", "DROP"),
        ("cn-2", "vswitch", "INGRESS"),
    ]
    assert verdict.inspections[0].netns == "cn-1.vswitch"
    assert verdict.inspections[0].port == f"p{TO_VM}"


def test_other_tasks_inspections_are_not_told():
    other = an_inspection(five_tuple=a_flow(src="10.9.9.9"))

    verdict = a_verdict(OfHost(host=1, taken=[other]), found=found_of(*packets(1)))

    assert verdict.inspections == ()


def test_all_flows_that_went_alike_are_told():
    flows = [a_flow(src_port=port) for port in (1, 2)]
    records = [
        record
        for digest, flow in enumerate(flows)
        for record in packets(1, first=digest + 1, flow=flow)
    ]
    taken = [an_inspection(five_tuple=flow) for flow in flows]

    verdict = a_verdict(OfHost(host=1, taken=taken), found=found_of(*records))

    assert {each.taken.five_tuple for each in verdict.inspections} == set(flows)


def test_the_cost_counts_what_was_taken_and_what_was_not():
    hosts = [
        OfHost(host=1, taken=[an_inspection(took_ns=700), an_inspection(took_ns=300)], left_out=4),
        OfHost(host=2, left_out=1),
    ]

    cost = a_verdict(*hosts, found=found_of(*packets(1))).cost

    assert (cost.inspections, cost.inspections_left_out) == (2, 5)
    assert (cost.inspections_took_ns, cost.longest_inspection_ns) == (1000, 700)
    assert cost.records == 9


def test_a_tenant_sees_no_inspection():
    site = SiteEvidence(rules_met=(MET,), notes=("secret",))
    verdict = a_verdict(
        OfHost(host=1, taken=[an_inspection(site=site)]), found=found_of(*packets(1))
    )
    answer = answer_of(verdict)
    assert answer["inspections"][0]["site"]["notes"] == ["secret"]

    view = as_tenant(answer)

    assert view["inspections"] == []
    assert "secret" not in str(view)
