"""Answers as text: the sentence first, columns that align, shapes beside colours."""

import json
from datetime import UTC, datetime

import pytest

from dyetrace.cli.render import render, render_json, table
from dyetrace.knowledge.catalogue import cause_by_code
from dyetrace.model.cause import Evidence, EvidenceClass, Remedy
from dyetrace.model.packet import FiveTuple
from dyetrace.model.path import Fate
from dyetrace.model.record import Point
from dyetrace.model.verdict import (
    Absence,
    Cost,
    Delay,
    Finding,
    Hop,
    PathReport,
    Unknown,
    Verdict,
    VerdictKind,
)
from dyetrace.wire.answer import answer_of
from support.builders import a_flow, a_task, an_outer


def a_hop(point=Point.INGRESS, **known) -> Hop:
    known = {"host": "cn-1", "netns": "n", "vfd": "br0", "port": "tap1", "seen": 20} | known
    return Hop(point=point, five_tuple=known.pop("five_tuple", a_flow()), **known)


def a_finding(packets=5) -> Finding:
    return Finding(
        cause=cause_by_code("RX_ACL_DENY"),
        host="cn-2",
        netns="n",
        vfd="br0",
        port="",
        packets=packets,
        object="rule 7",
        drop_reason="NETFILTER_DROP",
        evidence=(Evidence(kind=EvidenceClass.OBSERVED, text="freed by nft_do_chain"),),
        remedy=Remedy(text="allow it", command="nft ..."),
    )


def an_answer(kind=VerdictKind.DELIVERED, *, paths=(), findings=(), unknowns=(), lost=0):
    return answer_of(
        Verdict(
            task=a_task(),
            kind=kind,
            summary="it is so",
            total=20,
            lost=lost,
            finished_at=datetime(2026, 1, 1, tzinfo=UTC),
            findings=findings,
            paths=paths,
            unknowns=unknowns,
            cost=Cost(hosts=1, vfds=2, probes=3, records=80),
        )
    )


def a_path(*hops, fate=Fate.DELIVERED, packets=20):
    return PathReport(packets=packets, fate=fate, hops=hops)


def line_with(text, word):
    return next(line for line in text.splitlines() if word in line)


@pytest.mark.parametrize(
    ("kind", "sign"),
    [("DELIVERED", "+"), ("LOST", "x"), ("PARTIAL", "!"), ("NOT_SEEN", "?"), ("UNDETERMINED", "?")],
)
def test_the_first_line_is_the_answer_with_its_sign(kind, sign):
    text = render(an_answer(VerdictKind(kind)), "table")

    assert text.splitlines()[0] == f"{sign} it is so"


def test_columns_begin_where_their_heads_do():
    text = table(["A", "LONG HEAD", "C"], [["a longer cell", "b", "c"], ["", "", ""]])
    head, first, last = text.split("\n")

    assert head.index("LONG HEAD") == first.index("b")
    assert head.rindex("C") == first.rindex("c")
    assert last == ""


def test_a_table_without_rows_is_its_head():
    assert table(["A", "B"], []) == "A  B"


def test_hops_show_place_count_and_delay():
    hops = (
        a_hop(delay=Delay(p50=0, p99=0, max=0)),
        a_hop(Point.EGRESS, port="eth0", outer=an_outer(), delay=Delay(p50=4100, p99=9000, max=1)),
        a_hop(host="cn-2", delay=Delay(p50=38_000, p99=151_000, max=1, uncertainty=12_000)),
        a_hop(Point.EGRESS, host="cn-3", delay=Delay(p50=1, p99=1, max=1, uncertainty=None)),
    )
    text = render(an_answer(paths=(a_path(*hops),)), "table")

    assert "20/20  0" in line_with(text, "tap1")
    assert "4.1/9.0 us" in line_with(text, "eth0")
    assert "vxlan 101 -> 172.31.2.1" in line_with(text, "eth0")
    assert "38.0/151 +- 12.0 us" in line_with(text, "cn-2")
    assert "clocks unknown" in line_with(text, "cn-3")


def test_wide_adds_the_flow_at_each_hop():
    before = a_flow()
    after = FiveTuple(
        src=before.src, dst=before.dst, protocol=17, src_port=before.src_port, dst_port=5353
    )
    answer = an_answer(paths=(a_path(a_hop(five_tuple=after, nat_before=before)),))

    assert "5-TUPLE" in render(answer, "wide")
    assert "5-TUPLE" not in render(answer, "table")
    assert "NAT: udp 10.0.1.11:4000 -> 10.0.2.21:53 became" in render(answer, "table")


def test_a_drop_shows_how_many_were_left():
    hops = (a_hop(), a_hop(Point.DROP, port="", seen=5))
    answer = an_answer(
        VerdictKind.PARTIAL,
        paths=(a_path(*hops, fate=Fate.DROPPED, packets=5),),
        findings=(a_finding(),),
        lost=5,
    )
    text = render(answer, "table")

    assert "15/20" in line_with(text, " drop ")
    assert "observed: NETFILTER_DROP" in line_with(text, " drop ")


def test_a_finding_says_cause_place_evidence_and_remedy():
    text = render(an_answer(VerdictKind.LOST, findings=(a_finding(20),), lost=20), "table")

    assert line_with(text, " Cause ").startswith(" Cause   RX_ACL_DENY: ")
    assert "br0 on host cn-2" in line_with(text, " Place ")
    assert "rule 7" in line_with(text, " Object ")
    assert "observed: freed by nft_do_chain" in line_with(text, " Shown ")
    assert "allow it" in line_with(text, " Remedy ")
    assert "nft ..." in text


def test_what_is_unknown_and_what_it_cost_close_the_answer():
    unknown = Unknown(code=Absence.AGENT_DOWN, text="the agent of cn-2 died")
    text = render(an_answer(VerdictKind.UNDETERMINED, unknowns=(unknown,)), "table")

    assert line_with(text, " Unknown ") == " Unknown AGENT_DOWN: the agent of cn-2 died"
    assert line_with(text, " Cost ") == " Cost    1 host, 2 VFDs, 3 probes, 80 records, 0 lost"
    assert line_with(text, " Task ").endswith("0000000000000007")


def test_many_paths_are_cut_and_it_is_said():
    paths = tuple(a_path(a_hop(), packets=2) for _ in range(9))

    assert "(4 more paths: -o json)" in render(an_answer(paths=paths), "table")


def test_json_is_the_answer_and_jsonl_one_line():
    answer = an_answer()

    assert json.loads(render(answer, "json")) == answer
    assert json.loads(render_json(answer, "jsonl")) == answer
    assert "\n" not in render_json(answer, "jsonl")
    assert "\n" in render_json(answer, "json")
