"""Parsing agrees with scapy, and survives everything else."""

from ipaddress import ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, fragment6
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

from dyetrace.datapath.headers import Headers, parse_headers
from dyetrace.model.packet import Encapsulation, Protocol
from dyetrace.model.record import RecordFlag, packed_address
from support.packets import Wrapped, assembled, inner, ipv4, ipv6, overlay_packets, wrapped


def read(packet: Packet, **place: int) -> Headers:
    """Parse a packet that must be readable."""
    headers = parse_headers(bytes(packet), length=len(packet), **place)
    assert headers is not None
    return headers


def header_bytes(layer: Packet) -> int:
    """Give the length of layer 4's header by scapy's account."""
    if isinstance(layer, TCP):
        return int(layer.dataofs) * 4
    return 12 if isinstance(layer, SCTP) else 8


def transport_of(packet: Packet) -> Packet:
    """Give scapy's view of layer 4."""
    layer = packet.payload
    while type(layer).__name__.startswith("IPv6ExtHdr"):
        layer = layer.payload
    return layer


@given(
    st.binary(max_size=300),
    st.integers(-5, 400),
    st.integers(-1, 9),
    st.integers(0, 2**32 - 1),
)
def test_no_bytes_raise(head: bytes, inner_offset: int, encapsulation: int, length: int) -> None:
    parse_headers(head, inner_offset=inner_offset, encapsulation=encapsulation, length=length)


@given(wrapped(), st.data())
def test_no_damage_to_a_packet_raises(whole: Wrapped, data: st.DataObject) -> None:
    damaged = bytearray(bytes(whole.packet))
    places = st.integers(0, len(damaged) - 1)
    for place in data.draw(st.lists(places, max_size=8)):
        damaged[place] = data.draw(st.integers(0, 255))
    del damaged[data.draw(places) :]

    parse_headers(
        memoryview(damaged),
        inner_offset=whole.inner_offset,
        encapsulation=whole.encapsulation,
        length=len(whole.packet),
    )


@given(overlay_packets)
def test_fields_are_as_scapy_reads_them(packet: Packet) -> None:
    headers = read(packet)
    layer = transport_of(packet)

    assert headers.version == packet.version
    assert headers.src == packed_address(ip_address(packet.src))
    assert headers.dst == packed_address(ip_address(packet.dst))
    assert headers.ttl == (packet.ttl if isinstance(packet, IP) else packet.hlim)
    assert headers.dscp == (packet.tos if isinstance(packet, IP) else packet.tc) >> 2
    assert headers.ip_id == (packet.id if isinstance(packet, IP) else 0)
    assert headers.src_port == getattr(layer, "sport", 0)
    assert headers.dst_port == getattr(layer, "dport", 0)
    assert headers.tcp_seq == (layer.seq if isinstance(layer, TCP) else 0)
    assert headers.payload_length == len(layer) - header_bytes(layer)
    assert headers.flags == 0
    assert headers.fragment_offset == 0


@given(ipv4())
def test_ipv4_protocol_is_scapys(packet: Packet) -> None:
    assert read(packet).protocol == packet.proto


@given(ipv6())
def test_ipv6_protocol_is_the_one_after_all_extension_headers(packet: Packet) -> None:
    protocols = {TCP: Protocol.TCP, UDP: Protocol.UDP, SCTP: Protocol.SCTP}
    layer = transport_of(packet)

    assert read(packet).protocol == protocols.get(type(layer), Protocol.ICMPV6)


@given(wrapped())
def test_outer_header_and_vni_are_as_scapy_built_them(whole: Wrapped) -> None:
    headers = read(whole.packet, inner_offset=whole.inner_offset, encapsulation=whole.encapsulation)

    assert headers.outer_src == packed_address(ip_address(whole.packet.src))
    assert headers.outer_dst == packed_address(ip_address(whole.packet.dst))
    assert headers.vni == whole.vni


@given(wrapped())
def test_encapsulation_changes_nothing_inside(whole: Wrapped) -> None:
    bare = read(inner(whole.packet))
    headers = read(whole.packet, inner_offset=whole.inner_offset, encapsulation=whole.encapsulation)

    assert headers == bare._replace(
        outer_src=headers.outer_src, outer_dst=headers.outer_dst, vni=headers.vni
    )


@pytest.mark.parametrize("header", [IP(), IPv6()])
def test_payload_length_of_a_packet_above_64_kilobytes_is_the_buffers(header: Packet) -> None:
    packet = bytearray(bytes(header / TCP()))
    packet[2:4] = b"\0\0" if header.version == 4 else packet[2:4]
    packet[4:6] = b"\0\0" if header.version == 6 else packet[4:6]

    headers = parse_headers(bytes(packet), length=150_000)

    assert headers is not None
    assert headers.payload_length == 150_000 - len(packet)


def test_ethernet_padding_is_not_payload() -> None:
    packet = bytes(IP() / UDP() / b"four")

    assert parse_headers(packet + bytes(14), length=46) == parse_headers(packet, length=32)


def test_a_later_ipv4_fragment_has_no_ports_and_says_so() -> None:
    headers = read(assembled(IP(id=7, frag=185, proto=17) / Raw(b"x" * 40)))

    assert (headers.src_port, headers.dst_port) == (0, 0)
    assert headers.flags == RecordFlag.FRAGMENT
    assert (headers.ip_id, headers.fragment_offset) == (7, 185)
    assert headers.payload_length == 40


def test_ipv6_fragments_are_told_by_their_fragment_header() -> None:
    whole = IPv6() / IPv6ExtHdrFragment(id=0xABCD1234) / UDP(sport=5, dport=6) / Raw(b"x" * 2000)
    first, second = (read(assembled(part)) for part in fragment6(whole, 1280))

    assert (first.src_port, first.dst_port, first.flags) == (5, 6, 0)
    assert (second.src_port, second.dst_port, second.flags) == (0, 0, RecordFlag.FRAGMENT)
    assert first.ip_id == second.ip_id == 0x1234
    assert second.protocol == Protocol.UDP
    assert first.payload_length + second.payload_length == 2000


@given(overlay_packets, st.data())
def test_a_cut_head_is_marked_or_reads_like_the_whole(packet: Packet, data: st.DataObject) -> None:
    whole = read(packet)
    size = data.draw(st.integers(0, len(packet)))
    cut = parse_headers(bytes(packet)[:size], length=len(packet))

    shortest = 20 if packet.version == 4 else 40
    assert (cut is None) == (size < shortest)
    if cut and not cut.flags & RecordFlag.TRUNCATED:
        assert cut == whole
    if cut:
        assert (cut.src, cut.dst, cut.ttl) == (whole.src, whole.dst, whole.ttl)


@example(b"")
@example(b"\x45")
@example(bytes(60))
@given(st.binary(max_size=19))
def test_what_has_no_addresses_is_not_parsed(head: bytes) -> None:
    assert parse_headers(head, length=len(head)) is None


def test_an_impossible_header_length_is_marked_and_nothing_after_it_is_believed() -> None:
    packet = bytes(IP(ihl=3, len=40) / TCP(sport=1, dport=2))

    headers = parse_headers(packet, length=40)

    assert headers is not None
    assert headers.flags == RecordFlag.TRUNCATED
    assert (headers.src_port, headers.payload_length) == (0, 0)


def test_an_extension_header_that_never_ends_is_marked() -> None:
    packet = bytes(IPv6() / IPv6ExtHdrHopByHop(nh=0, len=200) / Raw(bytes(8)))

    headers = parse_headers(packet, length=len(packet))

    assert headers is not None
    assert headers.flags == RecordFlag.TRUNCATED


@pytest.mark.parametrize("encapsulation", [6, 255, -1])
def test_an_unknown_encapsulation_is_not_parsed(encapsulation: int) -> None:
    packet = bytes(IP() / IP() / TCP())

    assert parse_headers(packet, inner_offset=20, encapsulation=encapsulation) is None


def test_a_gre_header_without_key_has_no_vni() -> None:
    packet = bytes(IP(proto=47)) + b"\0\0\x08\0" + bytes(IP() / TCP())

    headers = parse_headers(packet, inner_offset=24, encapsulation=Encapsulation.GRE, length=64)

    assert headers is not None
    assert headers.vni == 0
