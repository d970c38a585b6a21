"""Verdicts: each kind, and never an accusation where records could be missing."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from dyetrace.model.path import Fate
from dyetrace.model.topology import PortKind
from dyetrace.model.verdict import Absence, VerdictKind
from support.builders import TO_VM, UPLINK, a_task, two_hosts
from support.verdicts import packets, verdict_on

NETFILTER_DROP = 2


def codes(verdict):
    return [unknown.code for unknown in verdict.unknowns]


def test_all_that_arrive_are_delivered():
    verdict = verdict_on(packets(20))

    assert verdict.kind is VerdictKind.DELIVERED
    assert (verdict.total, verdict.lost) == (20, 0)
    assert verdict.findings == ()
    assert verdict.summary == "20 of 20 packets delivered to db on host cn-2 (OK)"


def test_all_that_are_dropped_at_one_place_are_lost_with_one_finding():
    verdict = verdict_on(packets(20, keep=3, drop=NETFILTER_DROP))

    assert verdict.kind is VerdictKind.LOST
    assert (verdict.total, verdict.lost) == (20, 20)
    (finding,) = verdict.findings
    assert (finding.host, finding.vfd, finding.packets) == ("cn-2", "vswitch", 20)
    assert finding.drop_reason == "NETFILTER_DROP"
    assert verdict.summary.startswith("20 of 20 packets lost at vswitch on host cn-2: ")
    assert finding.cause.code in verdict.summary


def test_some_of_many_are_partial_and_counted():
    verdict = verdict_on([*packets(15), *packets(5, first=16, keep=3, drop=NETFILTER_DROP)])

    assert verdict.kind is VerdictKind.PARTIAL
    assert (verdict.total, verdict.lost) == (20, 5)
    assert sum(finding.packets for finding in verdict.findings) == 5
    assert verdict.summary.startswith("5 of 20 packets lost ")
    assert {path.fate for path in verdict.paths} == {Fate.DELIVERED, Fate.DROPPED}


def test_losses_at_two_places_are_two_findings_the_larger_first():
    verdict = verdict_on([*packets(3, keep=2), *packets(6, first=4, keep=3, drop=NETFILTER_DROP)])

    assert verdict.kind is VerdictKind.LOST
    assert [finding.packets for finding in verdict.findings] == [6, 3]
    assert "and 1 more finding" in verdict.summary


def test_packets_that_leave_one_host_and_never_come_to_the_next_are_lost_between_them():
    verdict = verdict_on(packets(4, keep=2))

    assert verdict.kind is VerdictKind.LOST
    assert verdict.findings[0].next_host == "cn-2"
    assert "vanished between host cn-1 and host cn-2" in verdict.summary


@pytest.mark.parametrize(
    ("keep", "reports", "code"),
    [
        (2, {"cn_2": {"is_up": False}}, Absence.AGENT_DOWN),
        (2, {"cn_1": {"is_up": False}}, Absence.AGENT_DOWN),
        (2, {"cn_2": {"records_lost": 1}}, Absence.RECORDS_LOST),
        (2, {"cn_1": {"records_lost": 1}}, Absence.RECORDS_LOST),
        (2, {"cn_2": {"is_installed": False}}, Absence.NOT_INSTALLED),
        (3, {"cn_2": {"is_up": False}}, Absence.AGENT_DOWN),
        (3, {"cn_2": {"records_lost": 1}}, Absence.RECORDS_LOST),
        (3, {"cn_2": {"is_installed": False}}, Absence.NOT_INSTALLED),
    ],
    ids=str,
)
def test_where_records_may_be_missing_nothing_is_lost(keep, reports, code):
    verdict = verdict_on(packets(4, keep=keep), **reports)

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert (verdict.lost, verdict.findings) == (0, ())
    assert set(codes(verdict)) == {code}


def test_a_drop_that_was_observed_is_lost_though_records_are_missing_elsewhere():
    verdict = verdict_on(
        packets(4, keep=3, drop=NETFILTER_DROP), cn_1={"records_lost": 3, "colored": 4}
    )

    assert verdict.kind is VerdictKind.LOST
    assert verdict.cost.records_lost == 3


def test_a_next_host_that_nobody_knows_is_no_loss():
    topology = two_hosts()
    alone = replace(topology, hosts=topology.hosts[:1])

    verdict = verdict_on(packets(4, keep=2), topology=alone)

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert codes(verdict) == [Absence.NO_AGENT]


def test_a_next_host_that_nobody_knows_is_a_loss_where_the_receivers_host_saw_nothing():
    topology = two_hosts()
    receiver = topology.hosts[1]
    elsewhere = tuple(
        replace(vfd, ports=tuple(port for port in vfd.ports if port.kind is not PortKind.UPLINK))
        for vfd in receiver.vfds
    )
    topology = replace(topology, hosts=(topology.hosts[0], replace(receiver, vfds=elsewhere)))

    verdict = verdict_on(packets(4, keep=2), topology=topology)

    assert verdict.kind is VerdictKind.LOST
    assert verdict.findings[0].cause.code == "VTEP_UNKNOWN"


def test_colored_packets_without_any_record_are_records_lost():
    verdict = verdict_on(packets(3), colored=5)

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert verdict.total == 5
    assert codes(verdict) == [Absence.RECORDS_LOST]
    assert "2 colored packets" in verdict.unknowns[0].text


@pytest.mark.parametrize(
    ("source", "kind", "code"),
    [
        ({}, VerdictKind.NOT_SEEN, Absence.NO_TRAFFIC),
        ({"uncolorable": 7}, VerdictKind.NOT_SEEN, Absence.NOT_COLORABLE),
        ({"already_colored": 7}, VerdictKind.NOT_SEEN, Absence.ALREADY_COLORED),
        ({"is_up": False}, VerdictKind.UNDETERMINED, Absence.AGENT_DOWN),
    ],
    ids=str,
)
def test_nothing_seen_has_a_reason(source, kind, code):
    verdict = verdict_on([], cn_1=source)

    assert verdict.kind is kind
    assert codes(verdict) == [code]
    assert f"({code})" in verdict.summary
    assert (verdict.total, verdict.paths, verdict.findings) == (0, (), ())


def test_no_traffic_asks_what_the_user_can_check():
    plain = verdict_on([], task=a_task(dst=ip_network("10.0.2.21")))
    with_source = verdict_on([], task=a_task(src=ip_network("10.0.1.11")))

    assert "does the sender send?" in plain.summary
    assert "from this address?" in with_source.summary


def test_each_row_counts_the_packets_seen_there():
    verdict = verdict_on([*packets(15), *packets(5, first=16, keep=3, drop=NETFILTER_DROP)])

    delivered = next(path for path in verdict.paths if path.fate is Fate.DELIVERED)
    assert [hop.seen for hop in delivered.hops] == [20, 20, 20, 15]
    assert [hop.port for hop in delivered.hops] == [
        f"p{TO_VM}", f"p{UPLINK}", f"p{UPLINK}", f"p{TO_VM}",
    ]  # fmt: skip


def test_the_cost_counts_hosts_vfds_and_records():
    verdict = verdict_on(packets(2), probes=11)

    assert verdict.cost.hosts == 2
    assert verdict.cost.vfds == 4
    assert verdict.cost.records == 8
    assert verdict.cost.probes == 11
    assert ip_address("10.0.2.21") in two_hosts().vnic_ports_by_address
