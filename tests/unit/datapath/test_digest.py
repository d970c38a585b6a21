"""A packet keeps its digest wherever it goes, and no other packet has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrFragment,
    fragment6,
)
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw

from dyetrace.datapath.headers import parse_headers
from support.packets import assembled, overlay_packets, u8, u16


def digest_of(packet: Packet | bytes) -> int:
    """Digest a packet that must be readable."""
    headers = parse_headers(bytes(packet), length=len(packet))
    assert headers is not None
    return headers.digest


def rebuilt(packet: Packet) -> Packet:
    """Correct all lengths and checksums after a rewrite."""
    packet = packet.copy()
    layer = packet
    while layer:
        for name in ("chksum", "cksum", "len", "plen"):
            if name in layer.fields and not isinstance(layer, SCTPChunkData):
                layer.delfieldval(name)
        layer = layer.payload
    return assembled(packet)


def transport_of(packet: Packet) -> Packet:
    """Give the first layer that is neither IP nor an extension header."""
    layer = packet.payload
    while type(layer).__name__.startswith("IPv6ExtHdr"):
        layer = layer.payload
    return layer


@given(overlay_packets, st.data())
def test_nat_keeps_the_digest(packet: Packet, data: st.DataObject) -> None:
    translated = packet.copy()
    addresses = st.ip_addresses(v=packet.version).map(str)
    translated.src, translated.dst = data.draw(addresses), data.draw(addresses)
    layer = transport_of(translated)
    if isinstance(layer, TCP | SCTP):
        layer.sport, layer.dport = data.draw(u16), data.draw(u16)
    elif isinstance(layer, UDP):
        layer.sport, layer.dport = 20001, 20002
    else:
        layer.id = data.draw(u16)

    assert digest_of(rebuilt(translated)) == digest_of(packet)


@given(overlay_packets, u8, u8)
def test_routing_and_coloring_keep_the_digest(packet: Packet, ttl: int, tos: int) -> None:
    routed = packet.copy()
    if isinstance(routed, IP):
        routed.ttl, routed.tos = ttl, tos
    else:
        routed.hlim, routed.tc = ttl, tos

    assert digest_of(rebuilt(routed)) == digest_of(packet)


@pytest.mark.parametrize("header", [IP(id=1), IPv6()])
@pytest.mark.parametrize("flags", ["A", "PA", "FA", "FPA", "CA", "EA"])
def test_the_first_segment_of_a_split_packet_has_the_digest_of_the_whole(
    header: Packet, flags: str
) -> None:
    data = bytes(range(256)) * 16
    whole = header / TCP(seq=1000, ack=5, flags=flags) / Raw(data)
    first = header / TCP(seq=1000, ack=5, flags="A") / Raw(data[:1448])

    assert digest_of(whole) == digest_of(first)


@pytest.mark.parametrize("version", [4, 6])
def test_the_first_fragment_has_the_digest_of_the_whole(version: int) -> None:
    data = Raw(bytes(range(256)) * 10)
    if version == 4:
        whole = IP(id=77) / UDP() / data
        parts = fragment(whole, 1400)
    else:
        whole = IPv6() / UDP() / data
        parts = fragment6(IPv6() / IPv6ExtHdrFragment(id=9) / UDP() / data, 1400)

    digests = [digest_of(assembled(part)) for part in parts]

    assert digests[0] == digest_of(assembled(whole))
    assert len(set(digests)) == len(parts)


def test_ipv6_fragments_that_are_made_anew_keep_their_digests() -> None:
    whole = UDP() / Raw(bytes(range(256)) * 10)

    before, after = (
        [
            digest_of(assembled(part))
            for part in fragment6(IPv6() / IPv6ExtHdrFragment(id=number) / whole, 1400)
        ]
        for number in (9, 10)
    )

    assert before == after


def test_rewritten_tcp_options_keep_the_digest() -> None:
    sent = IP(id=1) / TCP(flags="S", seq=9, options=[("MSS", 1460), ("Timestamp", (1, 0))])
    clamped = IP(id=1) / TCP(flags="S", seq=9, options=[("MSS", 1360)])

    assert digest_of(sent) == digest_of(clamped)


def an_icmp_error(quoted: Packet) -> Packet:
    """Build the ICMP error that quotes a packet."""
    if isinstance(quoted, IP):
        return IP(id=3) / ICMP(type=3, code=4, nexthopmtu=1400) / quoted
    return IPv6() / ICMPv6DestUnreach(code=1) / quoted


@pytest.mark.parametrize("version", [4, 6])
def test_an_icmp_error_keeps_its_digest_when_nat_rewrites_what_it_quotes(version: int) -> None:
    header = IP if version == 4 else IPv6
    private, public = ("10.0.0.1", "192.0.2.1") if version == 4 else ("fd::1", "2001:db8::1")
    datagram = UDP(sport=1, dport=2) / Raw(b"x" * 20)

    before = an_icmp_error(header(src=private, dst="::9" if version == 6 else "9.9.9.9") / datagram)
    after = an_icmp_error(header(src=public, dst="::9" if version == 6 else "9.9.9.9") / datagram)

    assert digest_of(before) == digest_of(after)


CHANGES: dict[str, tuple[Packet, Packet]] = {
    "protocol": (IP(id=1, proto=200) / Raw(b"x"), IP(id=1, proto=201) / Raw(b"x")),
    "ipv4 id": (IP(id=1) / TCP(), IP(id=2) / TCP()),
    "tcp seq": (IP() / TCP(seq=1), IP() / TCP(seq=2)),
    "tcp ack": (IP() / TCP(ack=1), IP() / TCP(ack=2)),
    "tcp syn": (IP() / TCP(flags="S"), IP() / TCP(flags="SA")),
    "tcp reset": (IP() / TCP(flags="A"), IP() / TCP(flags="RA")),
    "udp length": (IP() / UDP() / Raw(b"x" * 20), IP() / UDP() / Raw(b"x" * 21)),
    "payload's first byte": (
        IPv6() / UDP() / Raw(b"a" * 20),
        IPv6() / UDP() / Raw(b"b" + b"a" * 19),
    ),
    "payload's 16th byte": (
        IPv6() / UDP() / Raw(b"a" * 20),
        IPv6() / UDP() / Raw(b"a" * 15 + b"b" + b"a" * 4),
    ),
    "icmp type": (IP() / ICMP(type=8), IP() / ICMP(type=0)),
    "icmp seq": (IP() / ICMP(seq=1), IP() / ICMP(seq=2)),
    "icmpv6 seq": (IPv6() / ICMPv6EchoRequest(seq=1), IPv6() / ICMPv6EchoRequest(seq=2)),
    "sctp tag": (IP() / SCTP(tag=1), IP() / SCTP(tag=2)),
    "sctp tsn": (
        IP() / SCTP() / SCTPChunkData(tsn=1, data=b"x"),
        IP() / SCTP() / SCTPChunkData(tsn=2, data=b"x"),
    ),
    "fragment offset": (IP(id=1, frag=1) / Raw(b"x" * 8), IP(id=1, frag=2) / Raw(b"x" * 8)),
    "fragment id": (IP(id=1, frag=1) / Raw(b"x" * 8), IP(id=2, frag=1) / Raw(b"x" * 8)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_different_packets_have_different_digests(change: str) -> None:
    one, other = CHANGES[change]

    assert digest_of(one) != digest_of(other)


def test_payload_after_16_bytes_is_never_looked_at() -> None:
    one, other = (IPv6() / UDP() / Raw(b"x" * 16 + end) for end in (b"a", b"b"))

    assert digest_of(one) == digest_of(other)


@given(st.binary(max_size=300))
def test_digest_is_never_zero_and_fits_64_bits(data: bytes) -> None:
    assert 0 < digest_of(IP() / Raw(data)) < 2**64


def test_digest_stays_the_same_between_releases() -> None:
    assert digest_of(IP(id=1) / TCP(seq=1, ack=2) / Raw(b"dyetrace")) == 0x818DF797D4E1DCB6
