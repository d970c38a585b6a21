"""Inspections as text: what each VFD decided, in blocks, only when asked for."""

from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

from dyetrace.cli.inspection_view import render_inspections
from dyetrace.cli.render import render
from dyetrace.model.connection import Connection
from dyetrace.model.forwarding import ForwardingEntry, Setting
from dyetrace.model.inspection import Inspection, InspectionReport
from dyetrace.model.record import Point
from dyetrace.model.rule_met import MetAs, RuleMet
from dyetrace.model.site import Link, Queue, RouteKind, RouteLookup, SiteEvidence
from dyetrace.model.verdict import Cost, Verdict, VerdictKind
from dyetrace.wire.answer import answer_of
from support.builders import a_flow, a_task

MS = 1_000_000
HEAD = "What vrouter on host cn-1 decided, port net-a: drop NETFILTER_DROP"
BEFORE, AFTER = "udp 10.0.1.11:4000 -> 10.0.2.21:53", "udp 203.0.113.2:4000 -> 10.0.2.21:53"
SEGMENTS = "encap seg6 mode encap segs fd00::1"
CHOSEN = "rule 32766: from all lookup main"
STATUS = "(original direction, confirmed, snat, zone 7, 29 s left)"
SITE = SiteEvidence(
    rules_met=(
        RuleMet(
            family="inet", table="t", chain="in", met_as=MetAs.RULE, decision="jump deep",
            handle=3, text="jump deep",
        ),
        RuleMet(
            family="inet", table="t", chain="deep", met_as=MetAs.RULE, decision="drop", handle=7,
            stack=("in",), text="udp dport 53 drop", comment="closed",
        ),
    ),
    route=RouteLookup(
        kind=RouteKind.UNICAST, prefix=ip_network("10.0.2.0/24"), device="net-b", table="main",
        encapsulation=SEGMENTS,
    ),
    routing_rule=CHOSEN,
    connection=Connection(
        original=a_flow(),
        reply=a_flow("10.0.2.21", "203.0.113.2", src_port=53, dst_port=4000),
        zone=7,
        status=("confirmed", "snat"),
        timeout_s=29,
    ),
    entries=(
        ForwardingEntry(mac="02:01", device="vx7", remote=ip_address("172.31.2.1"), kind="static"),
    ),
    links=(Link(name="net-b", has_carrier=False, mtu=1450, queue_length=1000),),
    queues=(Queue(kind="htb class", handle="1:10", device="net-b", drops=3),),
    settings=(
        Setting(name="net.ipv4.conf.all.rp_filter", value=2),
        Setting(name="net.ipv4.conf.all.accept_local", value=0),
    ),
    notes=("odd",),
)  # fmt: skip


def an_answer(*sites):
    reports = tuple(
        InspectionReport(
            host="cn-1",
            netns="n",
            vfd="vrouter",
            port="net-a",
            taken=Inspection(
                netns=1, ifindex=2, in_ifindex=2, point=Point.DROP, five_tuple=a_flow(),
                drop_reason="NETFILTER_DROP", seen_ns=5 * MS, taken_ns=17 * MS, took_ns=9 * MS,
                site=site,
            ),
        )
        for site in sites
    )  # fmt: skip
    cost = Cost(hosts=1, inspections=2, inspections_left_out=3, longest_inspection_ns=9 * MS)
    return answer_of(
        Verdict(
            task=a_task(), kind=VerdictKind.DELIVERED, summary="OK", total=0, lost=0,
            finished_at=datetime(2026, 1, 1, tzinfo=UTC), inspections=reports, cost=cost,
        )
    )  # fmt: skip


def test_a_block_says_what_was_decided_part_by_part():
    assert render_inspections(an_answer(SITE)).splitlines() == [
        f"{HEAD} of {BEFORE}, inspected 12 ms later",
        "   rule        inet t in handle 3: jump deep [jump deep]",
        '   rule          inet t deep handle 7: drop [udp dport 53 drop] "closed"',
        f"   route       10.0.2.0/24 dev net-b table main {SEGMENTS}, by {CHOSEN}",
        f"   connection  {BEFORE} becomes {AFTER} {STATUS}",
        "   entry       02:01 dev vx7 dst 172.31.2.1 static",
        "   device      net-b up, no carrier, MTU 1450, 1000 may queue",
        "   queue       net-b htb class 1:10: 0 packets (0 bytes) waiting, 3 dropped",
        "   switched on net.ipv4.conf.all.rp_filter = 2",
        "   note        odd",
    ]


def test_what_was_not_found_is_not_told():
    (line,) = render_inspections(an_answer(SiteEvidence())).splitlines()

    assert line.startswith("What vrouter on host cn-1 decided")


def test_blocks_are_shown_only_when_asked_for():
    answer = an_answer(SITE, SITE)

    assert "decided" not in render(answer, "table")
    assert render(answer, "table", inspect=True).count("decided") == 2


def test_the_cost_tells_what_inspecting_took():
    shown = render(an_answer(SITE), "table")

    assert ", 2 inspections of 9 ms at most (3 left out)" in shown


def test_answers_of_earlier_versions_can_be_shown():
    answer = an_answer()
    del answer["inspections"]
    answer["cost"] = {
        name: value for name, value in answer["cost"].items() if "inspection" not in name
    }

    assert "nothing was inspected" in render(answer, "table", inspect=True)
