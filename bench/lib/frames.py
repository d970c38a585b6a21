"""Frames to run programs on, written by hand: benches need no packet library."""

import struct

ETHERNET = bytes.fromhex("020000000002020000000001")
ARP = ETHERNET + struct.pack("!H", 0x0806) + bytes(46)
UDP, TCP = 17, 6
VXLAN_PORT, VNI = 4789, 102
OUTER_ADDRESSES = (bytes((172, 31, 1, 1)), bytes((172, 31, 3, 1)))
WEB, DB = bytes((10, 0, 1, 11)), bytes((10, 0, 2, 21))
PAYLOAD = bytes(range(64))


def ipv4_frame(protocol: int = UDP, *, dscp: int = 0) -> bytes:
    """Make a small packet of WEB to DB, port 5000 to 5432."""
    return ETHERNET + b"\x08\x00" + _ipv4(WEB, DB, protocol, _segment(protocol), dscp)


def ipv6_frame(protocol: int = UDP, *, dscp: int = 0) -> bytes:
    """Make the same over IPv6."""
    source, destination = (bytes(12) + address for address in (WEB, DB))
    segment = _segment(protocol)
    header = struct.pack("!IHBB", 6 << 28 | dscp << 22, len(segment), protocol, 64)
    return ETHERNET + b"\x86\xdd" + header + source + destination + segment


def vxlan_frame(inner: bytes) -> bytes:
    """Encapsulate a frame in UDP over IPv4, without a UDP checksum."""
    vxlan = struct.pack("!II", 0x08 << 24, VNI << 8) + inner
    udp = struct.pack("!HHHH", 50000, VXLAN_PORT, 8 + len(vxlan), 0) + vxlan
    return ETHERNET + b"\x08\x00" + _ipv4(*OUTER_ADDRESSES, UDP, udp, dscp=0)


def _segment(protocol: int) -> bytes:
    if protocol == TCP:
        return struct.pack("!HHIIBBHHH", 5000, 5432, 1, 1, 0x50, 0x10, 512, 0, 0) + PAYLOAD
    return struct.pack("!HHHH", 5000, 5432, 8 + len(PAYLOAD), 0) + PAYLOAD


def _ipv4(source: bytes, destination: bytes, protocol: int, payload: bytes, dscp: int) -> bytes:
    length = 20 + len(payload)
    header = bytearray(struct.pack("!BBHHHBBH", 0x45, dscp << 2, length, 1, 0, 64, protocol, 0))
    header += source + destination
    total = sum(struct.unpack("!10H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    header[10:12] = struct.pack("!H", ~total & 0xFFFF)
    return bytes(header) + payload
