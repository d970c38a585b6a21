"""log_hop.bpf.c sees colored packets however they are carried, and restores them."""

import pytest
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrSegmentRouting
from scapy.layers.l2 import ARP, GRE, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from bpf.bench import COLOR, FRAME, Bench, checksum_is_right, dyed, framed, head, run
from dyetrace.datapath.linux.layout import SightingFlag
from dyetrace.model.packet import ColorMap, Encapsulation
from dyetrace.model.record import Point

TENANT4 = IP(src="10.0.1.11", dst="10.0.2.21", id=7) / TCP(sport=1, dport=2) / Raw(b"p" * 80)
TENANT6 = IPv6(src="fd00::11", dst="fd00::21") / UDP(sport=1, dport=2) / Raw(b"p" * 80)
OUTER4 = IP(src="172.31.1.1", dst="172.31.2.1")
OUTER6 = IPv6(src="fd31::1", dst="fd31::2")
SRH = IPv6ExtHdrSegmentRouting(addresses=["fd31::9", "fd31::2"])


def vxlan(inner: Packet) -> Packet:
    return UDP(sport=50000, dport=4789, chksum=0) / VXLAN(vni=7, flags=8) / inner


def geneve(inner: Packet, options: bytes = b"") -> Packet:
    protocol = 0x6558 if isinstance(inner, Ether) else 0x0800
    header = GENEVE(vni=7, optionlen=len(options) // 4, proto=protocol, options=options)
    return UDP(sport=50000, dport=6081) / header / inner


CARRIED = {
    "vxlan": (Encapsulation.VXLAN, lambda inner: OUTER4 / vxlan(FRAME / inner)),
    "vxlan-over-ipv6": (Encapsulation.VXLAN, lambda inner: OUTER6 / vxlan(FRAME / inner)),
    "vxlan-of-vlan": (Encapsulation.VXLAN, lambda inner: OUTER4 / vxlan(FRAME / Dot1Q() / inner)),
    "geneve": (Encapsulation.GENEVE, lambda inner: OUTER4 / geneve(FRAME / inner)),
    "geneve-with-options": (
        Encapsulation.GENEVE,
        lambda inner: OUTER6 / geneve(FRAME / inner, b"\1\2\3\1" + b"abcd"),
    ),
    "gre": (Encapsulation.GRE, lambda inner: OUTER4 / GRE() / inner),
    "gre-with-key": (
        Encapsulation.GRE,
        lambda inner: OUTER4 / GRE(key_present=1, key=9, seqnum_present=1) / inner,
    ),
    "gretap": (Encapsulation.GRE, lambda inner: OUTER4 / GRE(proto=0x6558) / FRAME / inner),
    "ip-in-ipv4": (Encapsulation.IPIP, lambda inner: OUTER4 / inner),
    "ip-in-ipv6": (Encapsulation.IPIP, lambda inner: OUTER6 / inner),
    "ipip-with-options": (Encapsulation.IPIP, lambda inner: OUTER6 / IPv6ExtHdrDestOpt() / inner),
    "srv6": (Encapsulation.SRV6, lambda inner: OUTER6 / SRH / inner),
}


@pytest.mark.parametrize("tenant", [TENANT4, TENANT6], ids=["v4", "v6"])
@pytest.mark.parametrize("carrier", CARRIED)
def test_a_colored_packet_is_seen_through_its_encapsulation(
    bench: Bench, carrier: str, tenant: Packet
) -> None:
    encapsulation, carry = CARRIED[carrier]
    packet = carry(dyed(tenant))

    assert bench.hop(packet) == framed(packet)

    seen = bench.sighting()
    inner_offset = bytes(packet).index(bytes(dyed(tenant))[:20])
    header_bytes = 40 if tenant is TENANT4 else 48
    assert seen["encapsulation"] == encapsulation
    assert seen["inner_offset"] == inner_offset
    assert head(seen) == bytes(packet)[: inner_offset + header_bytes + 16]
    assert (seen["length"], seen["dscp"], seen["policies"]) == (len(packet), 0, 0)


@pytest.mark.parametrize("tenant", [TENANT4, TENANT6], ids=["v4", "v6"])
@pytest.mark.parametrize("carrier", CARRIED)
def test_an_undyed_packet_is_not_seen(bench: Bench, carrier: str, tenant: Packet) -> None:
    packet = CARRIED[carrier][1](tenant)

    assert bench.hop(packet, restore=True) == framed(packet)
    assert len(bench.programs.drain()) == 0


@pytest.mark.parametrize("point", [Point.INGRESS, Point.EGRESS])
@pytest.mark.parametrize(("color", "original"), [(43, 0), (47, 46)])
def test_a_sighting_tells_the_original_class(
    bench: Bench, color: int, original: int, point: Point
) -> None:
    bench.hop(dyed(TENANT4, color), point)

    seen = bench.sighting()
    assert (seen["dscp"], seen["point"], seen["encapsulation"]) == (original, point, 0)
    assert (seen["netns"], seen["ifindex"], seen["inner_offset"]) == (bench.netns, 1, 0)


@pytest.mark.parametrize("ecn", range(4))
@pytest.mark.parametrize(("color", "original"), [(43, 0), (47, 46)])
@pytest.mark.parametrize("tenant", [TENANT4, TENANT6], ids=["v4", "v6"])
def test_restoring_gives_the_original_packet_back(
    bench: Bench, tenant: Packet, color: int, original: int, ecn: int
) -> None:
    tenant = tenant.copy()
    tenant[0].setfieldval("tos" if IP in tenant else "tc", original << 2 | ecn)

    after = bench.hop(dyed(tenant, color), restore=True)

    assert after == framed(tenant)
    seen = bench.sighting()
    assert seen["flags"] & SightingFlag.RESTORED
    assert head(seen)[0:2] == bytes(dyed(tenant, color))[0:2]  # seen as it came


@pytest.mark.parametrize("carrier", CARRIED)
def test_an_encapsulated_ipv4_packet_is_restored(bench: Bench, carrier: str) -> None:
    carry = CARRIED[carrier][1]

    after = bench.hop(carry(dyed(TENANT4)), restore=True)

    # Its own change and its header checksum's cancel out in any checksum around it.
    expected = bytearray(framed(carry(dyed(TENANT4))))
    at = bytes(expected).index(bytes(dyed(TENANT4))[:20])
    expected[at : at + 20] = bytes(TENANT4)[:20]
    assert after == bytes(expected)
    assert checksum_is_right(after[at:])


def test_an_inner_ipv6_packet_keeps_its_color_where_restoring_would_break_a_checksum(
    bench: Bench,
) -> None:
    before = bench.programs.counters()["not_restored"]
    packet = (
        OUTER4 / UDP(dport=4789, sport=1, chksum=0x1234) / VXLAN(flags=8) / FRAME / dyed(TENANT6)
    )

    assert bench.hop(packet, restore=True) == framed(packet)
    assert not bench.sighting()["flags"] & SightingFlag.RESTORED
    assert bench.programs.counters()["not_restored"] == before + 1


def test_of_several_colored_headers_the_innermost_counts(bench: Bench) -> None:
    packet = dyed(OUTER4) / vxlan(FRAME / dyed(TENANT4))  # as with `tos inherit`

    bench.hop(packet)

    assert bench.sighting()["inner_offset"] == 50


def test_an_overlay_in_an_overlay_is_looked_into(bench: Bench) -> None:
    packet = OUTER6 / SRH / OUTER4 / vxlan(FRAME / dyed(TENANT4))

    bench.hop(packet)

    seen = bench.sighting()
    assert seen["inner_offset"] == 40 + len(SRH) + 50
    assert seen["encapsulation"] == Encapsulation.SRV6  # the outermost


def test_a_colored_tenant_packet_that_is_a_tunnel_itself_counts_as_a_whole(bench: Bench) -> None:
    bench.hop(dyed(OUTER4) / vxlan(FRAME / TENANT4))

    seen = bench.sighting()
    assert (seen["inner_offset"], seen["encapsulation"]) == (0, 0)


@pytest.mark.parametrize(
    "packet",
    [
        OUTER4 / UDP(dport=4790, sport=4789) / VXLAN(flags=8) / FRAME / dyed(TENANT4),
        OUTER4 / UDP(dport=4789) / VXLAN(flags=0) / FRAME / dyed(TENANT4),
        IP(src="172.31.1.1", dst="172.31.2.1", frag=5) / vxlan(FRAME / dyed(TENANT4)),
        OUTER4 / vxlan(FRAME / ARP()),
        OUTER4 / GRE(version=1) / dyed(TENANT4),
    ],
    ids=["other-port", "no-vni", "later-fragment", "not-ip", "pptp"],
)
def test_what_only_looks_like_a_tunnel_is_not_looked_into(bench: Bench, packet: Packet) -> None:
    bench.hop(packet)

    assert len(bench.programs.drain()) == 0


def test_ports_of_tunnels_are_configured() -> None:
    packet = OUTER4 / UDP(dport=8472, sport=1) / VXLAN(flags=8) / FRAME / dyed(TENANT4)
    with Bench(vxlan_ports=(4789, 8472)) as bench:
        bench.hop(packet)
        assert bench.sighting()["encapsulation"] == Encapsulation.VXLAN
    with Bench(looks_into_tunnels=False) as bench:
        bench.hop(packet)
        assert len(bench.programs.drain()) == 0


@pytest.mark.parametrize("tags", [1, 2])
def test_vlan_tags_are_stepped_over(bench: Bench, tags: int) -> None:
    frame = FRAME.copy()
    for _ in range(tags):
        frame /= Dot1Q(vlan=5)

    after = bench.hop(frame / dyed(TENANT4), restore=True)

    assert after == bytes(frame / TENANT4)
    assert head(bench.sighting())[0] == 0x45


def test_a_port_without_link_layer_begins_with_the_ip_header(bench: Bench) -> None:
    program = bench.programs.hop_program(Point.EGRESS, restore=True, has_link_layer=False)

    assert run(program, bytes(dyed(TENANT6))) == bytes(TENANT6)
    assert bench.sighting()["length"] == len(TENANT6)


@pytest.mark.parametrize(
    ("layer4", "header_bytes"),
    [
        (TCP(options=[("NOP", None)] * 8), 28),
        (UDP(), 8),
        (ICMP(), 8),
        (SCTP(), 12),
        (Raw(b""), 0),
    ],
    ids=["tcp", "udp", "icmp", "sctp", "unknown"],
)
def test_the_head_ends_16_bytes_after_the_layer_4_header(
    bench: Bench, layer4: Packet, header_bytes: int
) -> None:
    proto = {} if not isinstance(layer4, Raw) else {"proto": 99}
    packet = IP(src="10.0.1.11", dst="10.0.2.21", tos=COLOR << 2, **proto) / layer4
    packet /= Raw(b"secret" * 50)

    bench.hop(packet)

    assert head(bench.sighting()) == bytes(packet)[: 20 + header_bytes + 16]


def test_an_unmapped_local_dscp_is_no_color(bench: Bench) -> None:
    assert 3 not in ColorMap(((0, 43), (46, 47))).class_by_color

    bench.hop(dyed(TENANT4, 3))

    assert len(bench.programs.drain()) == 0
