"""color.bpf.c colors what it should, as often as it should, and nothing else."""

import threading
import time
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting,
)
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from bpf.bench import COLOR, FRAME, Bench, checksum_is_right, dyed, framed, head, run
from dyetrace.datapath.linux.layout import SightingFlag
from dyetrace.model.packet import Protocol
from dyetrace.model.record import Point

V4 = IP(src="10.0.1.11", dst="10.0.2.21", id=7)
V6 = IPv6(src="fd00:1::11", dst="fd00:2::21")
WEB = TCP(sport=40000, dport=80, flags="S", seq=9)
PAYLOAD = Raw(b"x" * 100)


@pytest.mark.parametrize(
    ("wanted", "packet", "is_wanted"),
    [
        ({"src": "10.0.1.11"}, V4 / WEB, True),
        ({"src": "10.0.1.12"}, V4 / WEB, False),
        ({"src": "10.0.0.0/20"}, V4 / WEB, True),
        ({"src": "10.0.2.0/23"}, V4 / WEB, False),
        ({"dst": "10.0.2.20/31"}, V4 / WEB, True),
        ({"dst": "10.0.2.22/31"}, V4 / WEB, False),
        ({"dst": "0.0.0.0/0"}, V4 / WEB, True),
        ({"dst": "0.0.0.0/0"}, V6 / WEB, False),
        ({"dst": "::/0"}, V6 / WEB, True),
        ({"dst": "::/0"}, V4 / WEB, False),
        ({"src": "fd00:1::/64"}, V6 / WEB, True),
        ({"src": "fd00:1::10/127"}, V6 / WEB, True),
        ({"src": "fd00:1::12/127"}, V6 / WEB, False),
        ({"dst": "fd00:2::21"}, V6 / WEB, True),
        ({"dst": "fd00:2::22"}, V6 / WEB, False),
        ({"protocol": Protocol.TCP}, V4 / WEB, True),
        ({"protocol": Protocol.TCP}, V6 / WEB, True),
        ({"protocol": Protocol.UDP}, V4 / WEB, False),
        ({"protocol": Protocol.ICMP}, V4 / ICMP(), True),
        ({"protocol": Protocol.ICMPV6}, V6 / ICMPv6EchoRequest(), True),
        ({"dst_port": 80}, V4 / WEB, True),
        ({"dst_port": 81}, V4 / WEB, False),
        ({"dst_port": 40000}, V4 / WEB, False),
        ({"src_port": 40000}, V6 / WEB, True),
        ({"src_port": 80}, V6 / WEB, False),
        ({"src_port": 0}, V4 / UDP(sport=0, dport=9), True),
        ({"src_port": 0}, V4 / UDP(sport=1, dport=9), False),
        ({"dst_port": 80}, V4 / SCTP(sport=1, dport=80), True),
        ({"dst_port": 0}, V4 / ICMP(), False),
        ({"src": "10.0.1.11", "dst": "10.0.2.21", "src_port": 40000, "dst_port": 80,
          "protocol": Protocol.TCP}, V4 / WEB, True),
        ({"src": "10.0.1.11", "dst": "10.0.2.21", "src_port": 40000, "dst_port": 80,
          "protocol": Protocol.UDP}, V4 / WEB, False),
    ],
)  # fmt: skip
def test_a_packet_is_colored_if_every_field_of_the_filter_fits(
    bench: Bench, wanted: dict[str, Any], packet: Packet, *, is_wanted: bool
) -> None:
    for name in ("src", "dst"):
        if name in wanted:
            wanted = wanted | {name: ip_network(wanted[name])}
    bench.policy(**wanted)

    assert bench.has_colored(packet) is is_wanted
    assert bench.programs.policy_state(0).colored == is_wanted


OPTIONS = IP(src="10.0.1.11", dst="10.0.2.21", options=[IPOption_NOP()] * 3 + [IPOption_RR()])
EXTENSIONS = (
    V6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrRouting(addresses=["fd00::9"]) / IPv6ExtHdrDestOpt()
)


@pytest.mark.parametrize(
    "packet",
    [
        OPTIONS / WEB,
        V6 / IPv6ExtHdrHopByHop() / WEB,
        EXTENSIONS / WEB,
        EXTENSIONS / IPv6ExtHdrFragment(m=1, offset=0) / WEB,
        IP(src="10.0.1.11", dst="10.0.2.21", flags="MF", frag=0) / WEB,
        Ether() / Dot1Q(vlan=5) / V4 / WEB,
        Ether() / Dot1AD(vlan=5) / Dot1Q(vlan=6) / V6 / WEB,
    ],
    ids=[
        "options",
        "hop-by-hop",
        "extensions",
        "first-fragment6",
        "first-fragment",
        "vlan",
        "qinq",
    ],
)
def test_ports_are_found_behind_what_comes_before_them(bench: Bench, packet: Packet) -> None:
    if isinstance(packet, Ether):
        packet.src, packet.dst = FRAME.src, FRAME.dst
    bench.policy(dst_port=80, src_port=40000)

    assert bench.has_colored(packet)


@pytest.mark.parametrize(
    "packet",
    [
        IP(src="10.0.1.11", dst="10.0.2.21", frag=10, proto=6) / Raw(bytes(WEB)),
        V6 / IPv6ExtHdrFragment(offset=10, nh=6) / Raw(bytes(WEB)),
    ],
    ids=["v4", "v6"],
)
def test_later_fragments_match_only_filters_without_ports(bench: Bench, packet: Packet) -> None:
    bench.policy(slot=0, dst_port=80)
    bench.policy(slot=1, protocol=Protocol.TCP)

    assert bench.has_colored(packet)
    assert bench.sighting()["policies"] == 1 << 1


@pytest.mark.parametrize("ecn", range(4))
@pytest.mark.parametrize(("original", "color"), [(0, 43), (46, 47)])
def test_coloring_ipv4_changes_its_dscp_and_mends_its_checksum(
    bench: Bench, original: int, color: int, ecn: int
) -> None:
    bench.policy(protocol=Protocol.TCP)
    before = framed(IP(src="10.0.1.11", dst="10.0.2.21", tos=original << 2 | ecn) / WEB / PAYLOAD)

    after = bench.color(before)

    assert after[15] == color << 2 | ecn
    assert checksum_is_right(after[14:])
    assert after[:15] + after[16:24] + after[26:] == before[:15] + before[16:24] + before[26:]
    assert bench.sighting()["dscp"] == original


@pytest.mark.parametrize("ecn", range(4))
def test_coloring_ipv6_changes_its_dscp_and_nothing_else(bench: Bench, ecn: int) -> None:
    bench.policy(protocol=Protocol.TCP)
    packet = IPv6(src="fd00:1::11", dst="fd00:2::21", tc=46 << 2 | ecn, fl=0xABCDE) / WEB / PAYLOAD

    after = IPv6(bench.color(packet)[14:])

    assert (after.tc >> 2, after.tc & 3, after.fl) == (47, ecn, 0xABCDE)
    after.tc = packet.tc
    assert bytes(after) == bytes(packet)


def test_the_source_sighting_tells_what_was_colored(bench: Bench) -> None:
    bench.policy(slot=5, dst_port=80)
    packet = V4 / WEB / PAYLOAD

    bench.color(packet)

    seen = bench.sighting()
    assert (seen["point"], seen["policies"]) == (Point.INGRESS, 1 << 5)
    assert (seen["netns"], seen["ifindex"]) == (bench.netns, 1)
    assert seen["length"] == len(packet)
    assert 0 <= time.monotonic_ns() - int(seen["seen_ns"]) < 10**9
    assert head(seen) == bytes(packet)[: 20 + 20 + 16]
    assert not seen["head"][seen["head_length"] :].any()


def test_no_more_than_16_bytes_of_payload_are_shown(bench: Bench) -> None:
    bench.policy(protocol=Protocol.UDP)

    for length in (0, 1, 15, 16, 17, 500):
        bench.color(V4 / UDP(sport=1, dport=2) / Raw(b"s" * length))

    lengths = [int(row["head_length"]) for row in bench.programs.drain()]
    assert lengths == [28, 29, 43, 44, 44, 44]


def test_exactly_packet_count_packets_are_colored(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP, packet_count=7)

    colored = sum(bench.has_colored(V4 / WEB) for _ in range(20))

    assert colored == 7
    assert bench.programs.policy_state(0).colored == 7


def test_packet_count_is_exact_over_all_cpus(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP, packet_count=500)
    packet = framed(V4 / WEB)
    colored: list[bool] = []

    def send() -> None:
        for _ in range(400):
            colored.append(bench.color(packet) != packet)  # noqa: PERF401 - shared by threads

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(colored) == 500
    assert bench.programs.policy_state(0).colored == 500
    assert len(bench.programs.drain()) == 500


def test_packets_beyond_the_rate_are_left_alone(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP, packets_per_second=1, burst_ns=3 * 10**9)

    colored = [bench.has_colored(V4 / WEB) for _ in range(6)]

    assert colored == [True] * 4 + [False] * 2  # the one due now, and three seconds ahead
    assert bench.programs.policy_state(0).limited == 2


def test_an_expired_policy_colors_nothing_until_it_is_renewed(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP, expires_ns=time.monotonic_ns())
    assert not bench.has_colored(V4 / WEB)

    bench.programs.renew(0, time.monotonic_ns() + 10**10)

    assert bench.has_colored(V4 / WEB)


def test_a_cleared_policy_colors_nothing_and_keeps_its_state(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP)
    bench.color(V4 / WEB)

    bench.programs.clear_policy(0)

    assert not bench.has_colored(V4 / WEB)
    assert bench.programs.policy_state(0).colored == 1


def test_a_slot_used_again_counts_anew(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP, packet_count=1)
    bench.color(V4 / WEB)

    bench.policy(protocol=Protocol.TCP, packet_count=1)

    assert bench.has_colored(V4 / WEB)


def test_packets_that_have_a_color_are_counted_and_left_alone(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP)

    assert not bench.has_colored(dyed(V4) / WEB)
    assert not bench.has_colored(dyed(V6, 47) / WEB)
    assert bench.programs.policy_state(0).already_colored == 2
    assert len(bench.programs.drain()) == 0


def test_packets_of_a_class_without_color_are_counted_and_left_alone(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP)

    assert not bench.has_colored(dyed(V4, 10) / WEB)
    assert bench.programs.policy_state(0).uncolorable == 1


def test_one_packet_of_several_policies_is_colored_and_seen_once(bench: Bench) -> None:
    bench.policy(slot=0, protocol=Protocol.TCP)
    bench.policy(slot=9, protocol=Protocol.UDP)
    bench.policy(slot=63, dst_port=80)

    assert bench.has_colored(V4 / WEB)

    assert int(bench.sighting()["policies"]) == 1 << 0 | 1 << 63


def test_a_policy_at_its_limit_does_not_hinder_another(bench: Bench) -> None:
    bench.policy(slot=0, protocol=Protocol.TCP, packet_count=1)
    bench.policy(slot=1, protocol=Protocol.TCP, packet_count=2)

    assert [bench.has_colored(V4 / WEB) for _ in range(3)] == [True, True, False]
    assert [int(row["policies"]) for row in bench.programs.drain()] == [3, 2]


def test_a_policy_of_the_same_ifindex_elsewhere_is_not_ours(bench: Bench) -> None:
    elsewhere = replace(bench.port, netns=bench.netns + 1)
    bench.policy(protocol=Protocol.TCP, ports=[elsewhere])

    assert not bench.has_colored(V4 / WEB)
    assert bench.programs.policy_state(0).matched == 0


def test_a_policy_of_another_port_is_not_ours_though_they_share_a_bucket(bench: Bench) -> None:
    other = replace(bench.port, ifindex=bench.port.ifindex + 4096)
    bench.policy(slot=0, protocol=Protocol.TCP, ports=[other])
    bench.policy(slot=1, protocol=Protocol.UDP)

    assert not bench.has_colored(V4 / WEB)
    assert bench.has_colored(V4 / UDP())


def test_clearing_one_policy_leaves_the_others_at_the_port(bench: Bench) -> None:
    bench.policy(slot=0, protocol=Protocol.TCP)
    bench.policy(slot=1, protocol=Protocol.TCP)

    bench.programs.clear_policy(0)

    assert bench.has_colored(V4 / WEB)
    assert bench.sighting()["policies"] == 1 << 1


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP])
def test_what_is_no_ip_packet_stays_as_it_is(bench: Bench, protocol: Protocol) -> None:
    bench.policy(protocol=protocol)

    assert not bench.has_colored(FRAME / ARP())


def test_a_port_without_link_layer_begins_with_the_ip_header() -> None:
    with Bench() as bench:
        bench.policy(protocol=Protocol.TCP)
        program = bench.programs.color_program(has_link_layer=False)
        after = run(program, bytes(V4 / WEB))

        assert after[1] >> 2 == COLOR
        assert checksum_is_right(after)


def test_headers_cut_off_are_marked_as_truncated(bench: Bench) -> None:
    bench.policy(protocol=Protocol.TCP)

    bench.color(framed(V4 / WEB)[: 14 + 20 + 8])

    assert bench.sighting()["flags"] & SightingFlag.TRUNCATED
