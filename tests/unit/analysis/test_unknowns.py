"""What cannot be proven lost: the color taken off, packets that may still wait in a queue."""

from dataclasses import replace
from ipaddress import ip_address

import numpy as np
import pytest

from dyetrace.model.record import Point, packed_address
from dyetrace.model.site import Program, Queue, SecurityRule, SiteEvidence, Uncolored
from dyetrace.model.topology import Nic
from dyetrace.model.verdict import Absence, VerdictKind
from support.builders import (
    DB,
    SWITCH,
    TO_OTHER_VM,
    UPLINK,
    a_flow,
    a_host,
    a_record,
    across_hosts,
    two_hosts,
)
from support.verdicts import packets, verdict_on

STRIPS = SecurityRule(family="inet", table="qos", chain="c", handle=4, text="ip dscp set cs0")
NETFILTER_DROP = 2
LEFT, CAME_IN = 2, 3  # of the four sightings of a packet


def a_queue(waiting, *, device=f"p{UPLINK}"):
    return SiteEvidence(queue=Queue(kind="tbf", handle="1:", device=device, packets=waiting))


def codes(verdict):
    return [unknown.code for unknown in verdict.unknowns]


def test_packets_that_vanish_where_a_rule_sets_the_dscp_are_not_lost():
    verdict = verdict_on(packets(20, keep=CAME_IN), site=SiteEvidence(rewriters=(STRIPS,)))

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert (codes(verdict), verdict.findings) == ([Absence.COLOR_LOST], ())
    assert "at vswitch on host cn-2" in verdict.summary
    assert "inet qos c handle 4" in verdict.summary
    assert verdict.paths[0].hops[-1].absence is Absence.COLOR_LOST


def test_packets_that_vanish_where_a_program_stands_are_not_lost():
    program = Program(device="p10", hook="tc ingress", name="balance", id=7, tag="ab")

    verdict = verdict_on(packets(20, keep=CAME_IN), site=SiteEvidence(programs=(program,)))

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert codes(verdict) == [Absence.PROBE_UNSUPPORTED]
    assert "balance" in verdict.summary


def test_a_drop_that_was_seen_is_lost_whatever_sets_the_dscp():
    verdict = verdict_on(
        packets(20, keep=CAME_IN, drop=NETFILTER_DROP), site=SiteEvidence(rewriters=(STRIPS,))
    )

    assert verdict.kind is VerdictKind.LOST


def dropped_for_dscp(*, passed, dropped):
    rule = SecurityRule(family="inet", table="qos", chain="c", handle=5, text="ip dscp 43 drop")
    site = SiteEvidence(dropped_by=rule, uncolored=Uncolored(passed=passed, dropped=dropped))
    return verdict_on(packets(20, keep=CAME_IN, drop=NETFILTER_DROP), site=site)


def test_packets_that_only_their_color_got_dropped_are_not_lost():
    verdict = dropped_for_dscp(passed=2, dropped=0)

    assert (verdict.kind, verdict.lost) == (VerdictKind.UNDETERMINED, 0)
    assert (codes(verdict), verdict.findings) == ([Absence.COLOR_DECIDED], ())
    assert "inet qos c handle 5" in verdict.summary
    assert "2 packets of the flow without color passed" in verdict.summary


@pytest.mark.parametrize(("passed", "dropped"), [(0, 3), (1, 2), (0, 0)])
def test_packets_that_would_have_been_dropped_without_color_are_lost(passed, dropped):
    assert dropped_for_dscp(passed=passed, dropped=dropped).kind is VerdictKind.LOST


def test_packets_that_left_a_vfd_had_their_color_still():
    verdict = verdict_on(packets(20, keep=LEFT), site=SiteEvidence(rewriters=(STRIPS,)))

    assert verdict.kind is VerdictKind.LOST


def test_what_was_delivered_is_said_though_the_rest_is_unknown():
    verdict = verdict_on(
        [*packets(15), *packets(5, first=16, keep=CAME_IN)],
        site=SiteEvidence(rewriters=(STRIPS, STRIPS)),
    )

    assert verdict.summary.startswith(
        "20 packets traced, 15 delivered, but of 5 it cannot be said whether they arrived: "
    )
    assert "or one of 1 more" in verdict.summary


def test_beside_a_loss_it_is_said_of_how_many_nothing_is_known():
    verdict = verdict_on(
        [
            *packets(10),
            *packets(6, first=11, keep=CAME_IN, drop=NETFILTER_DROP),
            *packets(4, first=17, keep=CAME_IN),
        ],
        site=lambda key: SiteEvidence(rewriters=() if key[2] else (STRIPS,)),
    )

    assert verdict.kind is VerdictKind.PARTIAL
    assert verdict.lost == 6
    assert verdict.summary.startswith("6 of 20 packets lost at vswitch on host cn-2: ")
    assert verdict.summary.endswith("; of 4 it cannot be said whether they arrived")


def test_packets_that_may_wait_in_the_queue_they_were_sent_to_are_in_flight():
    verdict = verdict_on(packets(20, keep=LEFT), site=a_queue(20))

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert codes(verdict) == [Absence.IN_FLIGHT]
    assert "20 packets" in verdict.unknowns[0].text


@pytest.mark.parametrize("site", [a_queue(19), a_queue(0), a_queue(20, device="other")], ids=str)
def test_a_queue_that_cannot_hold_them_all_excuses_nothing(site):
    assert verdict_on(packets(20, keep=LEFT), site=site).kind is VerdictKind.LOST


def with_a_tun(topology):
    """The same cloud, with host 2's port to the other VM a tun device that a program holds."""
    first, second = topology.hosts
    switch, router = second.vfds
    tun = Nic(id="p13", vm="openvpn-77")
    ports = tuple(
        replace(port, nic=tun, has_link_layer=False) if port.ifindex == TO_OTHER_VM else port
        for port in switch.ports
    )
    return replace(
        topology, hosts=(first, replace(second, vfds=(replace(switch, ports=ports), router)))
    )


def left_by_the_tun(dst):
    flow = a_flow(dst=dst)
    return [
        *across_hosts(flow=flow)[:CAME_IN],
        a_record(Point.EGRESS, at=(2, SWITCH, TO_OTHER_VM), seen_ns=1400, flow=flow),
    ]


def test_a_program_that_took_anothers_packets_may_have_sent_them_on():
    verdict = verdict_on(left_by_the_tun(DB), topology=with_a_tun(two_hosts()))

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert codes(verdict) == [Absence.OUT_OF_SCOPE]
    assert "1 packet traced, but it cannot be said whether it arrived" in verdict.summary
    assert "handed to openvpn-77 by p13" in verdict.summary


def test_a_program_that_takes_packets_for_nobody_else_has_got_them():
    verdict = verdict_on(left_by_the_tun("10.77.0.1"), topology=with_a_tun(two_hosts()))

    assert verdict.kind is VerdictKind.DELIVERED


def test_packets_sent_to_a_host_where_the_task_does_not_log_are_not_lost():
    verdict = verdict_on(packets(20, keep=LEFT), cn_2={"is_in_scope": False})

    assert verdict.kind is VerdictKind.UNDETERMINED
    assert codes(verdict) == [Absence.OUT_OF_SCOPE]
    assert "host cn-2" in verdict.summary


def test_a_host_out_of_scope_with_the_same_address_excuses_no_vtep_that_nobody_has():
    """Another tenant's: whoever the packets were meant for is looked at."""
    ends = two_hosts()
    green = replace(a_host(3, "green", DB), name="cn-3")
    cloud = replace(ends, hosts=(*ends.hosts, green))
    nobodys = {"outer_dst": np.void(packed_address(ip_address("192.0.2.1")))}
    sent = [record | (nobodys if record.get("vni") else {}) for record in packets(20, keep=LEFT)]

    verdict = verdict_on(sent, topology=cloud, more_reports={3: {"is_in_scope": False}})

    assert (verdict.kind, codes(verdict)) == (VerdictKind.LOST, [])
    assert verdict.findings[0].cause.code == "VTEP_UNKNOWN"
