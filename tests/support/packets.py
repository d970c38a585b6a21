"""Packets for tests of parsing: scapy builds them, and so is the oracle.

Hypothesis strategies that build a packet give scapy packets that begin with
their outermost IP header; assembled() gives them with all fields filled in.
"""

from dataclasses import dataclass

from hypothesis import strategies as st
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_RR
from scapy.layers.inet6 import (
    ICMPv6EchoRequest,
    IPv6,
    IPv6ExtHdrDestOpt,
    IPv6ExtHdrHopByHop,
    IPv6ExtHdrSegmentRouting,
)
from scapy.layers.l2 import GRE, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw

from dyetrace.model.packet import Encapsulation

FRAME = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")  # else scapy asks the network

u8, u16, u32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
payloads = st.binary(max_size=64)


@dataclass(frozen=True)
class Wrapped:
    """A packet as it crosses the underlay, and what wrapped it."""

    packet: Packet
    encapsulation: Encapsulation
    vni: int

    @property
    def inner_offset(self) -> int:
        """Where the wrapped packet begins."""
        return len(self.packet) - len(inner(self.packet))


def assembled(packet: Packet) -> Packet:
    """Fill in lengths and checksums, as sending it would."""
    return packet.__class__(bytes(packet))


def inner(packet: Packet) -> Packet:
    """Give the innermost IP header and what follows it."""
    found = packet
    layer = packet
    while layer := layer.payload:
        found = layer if isinstance(layer, IP | IPv6) else found
    return found


tcp_options = st.sampled_from(
    ([], [("MSS", 1460)], [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))])
)


@st.composite
def tcp(draw: st.DrawFn) -> Packet:
    """Draw a TCP segment with any numbers, flags and some usual options."""
    return TCP(
        sport=draw(u16),
        dport=draw(u16),
        seq=draw(u32),
        ack=draw(u32),
        flags=draw(u8),
        options=draw(tcp_options),
    ) / Raw(draw(payloads))


@st.composite
def udp(draw: st.DrawFn) -> Packet:
    """Draw a UDP datagram on ports that scapy does not dissect further."""
    port = st.integers(20000, 30000)
    return UDP(sport=draw(port), dport=draw(port)) / Raw(draw(payloads))


@st.composite
def sctp(draw: st.DrawFn) -> Packet:
    """Draw an SCTP packet with one data chunk."""
    chunk = SCTPChunkData(tsn=draw(u32), data=draw(st.binary(min_size=1, max_size=64)))
    return SCTP(sport=draw(u16), dport=draw(u16), tag=draw(u32)) / chunk


@st.composite
def echo(draw: st.DrawFn) -> Packet:
    """Draw an ICMP echo request."""
    return ICMP(id=draw(u16), seq=draw(u16)) / Raw(draw(payloads))


@st.composite
def echo6(draw: st.DrawFn) -> Packet:
    """Draw an ICMPv6 echo request."""
    return ICMPv6EchoRequest(id=draw(u16), seq=draw(u16), data=draw(payloads))


@st.composite
def ipv4(draw: st.DrawFn) -> Packet:
    """Draw an IPv4 packet, perhaps with options."""
    options = draw(st.sampled_from(([], [IPOption_NOP()], [IPOption_RR(routers=["1.2.3.4"] * 9)])))
    address = st.ip_addresses(v=4).map(str)
    header = IP(
        src=draw(address),
        dst=draw(address),
        id=draw(u16),
        ttl=draw(u8),
        tos=draw(u8),
        options=options,
    )
    return assembled(header / draw(tcp() | udp() | sctp() | echo()))


@st.composite
def ipv6(draw: st.DrawFn) -> Packet:
    """Draw an IPv6 packet, perhaps with extension headers."""
    address = st.ip_addresses(v=6).map(str)
    packet = IPv6(src=draw(address), dst=draw(address), hlim=draw(u8), tc=draw(u8))
    if draw(st.booleans()):
        packet /= IPv6ExtHdrHopByHop()
    if draw(st.booleans()):
        packet /= IPv6ExtHdrDestOpt()
    return assembled(packet / draw(tcp() | udp() | sctp() | echo6()))


overlay_packets = ipv4() | ipv6()


@st.composite
def wrapped(draw: st.DrawFn) -> Wrapped:
    """Draw an overlay packet inside any encapsulation, over IPv4 or IPv6."""
    packet = draw(overlay_packets)
    encapsulation = draw(st.sampled_from([kind for kind in Encapsulation if kind]))
    outer = draw(
        st.sampled_from((IP(src="172.31.1.1", dst="172.31.2.1"), IPv6(src="fc::1", dst="fc::2")))
    )
    vni = 0
    match encapsulation:
        case Encapsulation.VXLAN:
            vni = draw(st.integers(0, 2**24 - 1))
            outer /= UDP(sport=50000, dport=4789) / VXLAN(vni=vni) / FRAME
        case Encapsulation.GENEVE:
            vni = draw(st.integers(0, 2**24 - 1))
            options = draw(st.sampled_from((b"", b"\x01\x02\x80\x01abcd")))
            header = GENEVE(vni=vni, optionlen=len(options) // 4, options=options)
            outer /= UDP(sport=50000, dport=6081) / header / FRAME
        case Encapsulation.GRE:
            vni = draw(u32)
            outer /= GRE(key_present=1, chksum_present=draw(st.integers(0, 1)), key=vni)
        case Encapsulation.SRV6:
            outer = IPv6(src="fc::1", dst="fc::2")
            if draw(st.booleans()):  # reduced encapsulation has no SRH
                outer /= IPv6ExtHdrSegmentRouting(addresses=["fc::3", "fc::2"])
    return Wrapped(assembled(outer / packet), encapsulation, vni)
