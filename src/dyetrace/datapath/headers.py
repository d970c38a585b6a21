"""Read the headers of a colored packet: shared by all drivers, so that they agree."""

from struct import Struct
from typing import Final, NamedTuple

from dyetrace.datapath.digest import PAYLOAD_BYTES, digest
from dyetrace.datapath.ip import IpHeader, parse_ip
from dyetrace.model.packet import Encapsulation, Protocol
from dyetrace.model.record import RecordFlag

_TCP, _UDP, _SCTP = int(Protocol.TCP), int(Protocol.UDP), int(Protocol.SCTP)
_ICMP, _ICMPV6 = int(Protocol.ICMP), int(Protocol.ICMPV6)
_HEADER_BYTES: Final = {_TCP: 20, _UDP: 8, _SCTP: 12, _ICMP: 8, _ICMPV6: 8}
_WITH_PORTS = frozenset({_TCP, _UDP, _SCTP})
_TCP_LENGTH_OFFSET = 12
_TCP_SEQ_END = 8

_PORTS = Struct("!HH")
_WORD = Struct("!I")
_GRE = 47
_GRE_CHECKSUM = 0x80
_GRE_KEY = 0x20
_UDP_BYTES = 8
_ENCAPSULATIONS = frozenset(map(int, Encapsulation))
_WITH_VNI = frozenset({int(Encapsulation.VXLAN), int(Encapsulation.GENEVE)})
_NO_ADDRESS = bytes(16)
_TRUNCATED, _FRAGMENT = int(RecordFlag.TRUNCATED), int(RecordFlag.FRAGMENT)


class Headers(NamedTuple):
    """What a record holds of a packet's headers, field by field with a record's names."""

    digest: int
    src: bytes  # addresses: 16 bytes, IPv4 as ::ffff:a.b.c.d
    dst: bytes
    outer_src: bytes  # zero where not encapsulated
    outer_dst: bytes
    vni: int  # VXLAN, Geneve: the VNI; GRE: the key
    tcp_seq: int
    payload_length: int  # of layer 4; of a fragment: what is in this one
    src_port: int
    dst_port: int
    ip_id: int  # IPv6: 0, or the low 16 bits of the fragment header's
    protocol: int
    ttl: int
    flags: int  # RecordFlag bits
    fragment_offset: int
    version: int
    dscp: int  # as it is in the packet: the color


def parse_headers(
    head: bytes | memoryview, *, inner_offset: int = 0, encapsulation: int = 0, length: int = 0
) -> Headers | None:
    """Read a packet that begins with its outermost IP header; never raises.

    The colored IP header begins at inner_offset. length is the whole packet's,
    of which head may be the begin only. None means that not even the addresses
    can be read; what else is missing is 0 and sets the flag TRUNCATED.
    """
    head = bytes(head)
    if encapsulation not in _ENCAPSULATIONS:
        return None
    ip = parse_ip(head, inner_offset, length)
    if ip is None:
        return None
    outer_src = outer_dst = _NO_ADDRESS
    vni = 0
    if encapsulation:
        outer = parse_ip(head, 0, length)
        if outer is None:
            return None
        outer_src, outer_dst = outer.src, outer.dst
        vni = _vni(head, outer, encapsulation)
    src_port, dst_port, tcp_seq, payload = _transport(head, ip)
    is_short = ip.is_malformed or payload > ip.end
    is_short = is_short or min(payload + PAYLOAD_BYTES, ip.end) > len(head)
    flags = (_TRUNCATED if is_short else 0) | (_FRAGMENT if ip.fragment_offset else 0)
    return Headers(
        digest(head, ip, payload),
        ip.src,
        ip.dst,
        outer_src,
        outer_dst,
        vni,
        tcp_seq,
        max(ip.end - payload, 0),
        src_port,
        dst_port,
        ip.id & 0xFFFF,
        ip.protocol,
        ip.ttl,
        flags,
        ip.fragment_offset,
        ip.version,
        ip.dscp,
    )


def _transport(head: bytes, ip: IpHeader) -> tuple[int, int, int, int]:
    """Read ports and TCP's sequence number, and find where the payload begins."""
    at, protocol = ip.transport, ip.protocol
    if ip.fragment_offset or protocol not in _HEADER_BYTES or ip.is_malformed:
        return 0, 0, 0, at
    readable = min(len(head), ip.end) - at
    header_length = _HEADER_BYTES[protocol]
    src_port = dst_port = tcp_seq = 0
    if protocol in _WITH_PORTS and readable >= _PORTS.size:
        src_port, dst_port = _PORTS.unpack_from(head, at)
        if protocol == _TCP:
            if readable >= _TCP_SEQ_END:
                (tcp_seq,) = _WORD.unpack_from(head, at + 4)
            if readable > _TCP_LENGTH_OFFSET:
                header_length = max((head[at + _TCP_LENGTH_OFFSET] >> 4) * 4, header_length)
    return src_port, dst_port, tcp_seq, at + header_length


def _vni(head: bytes, outer: IpHeader, encapsulation: int) -> int:
    """Read the VNI of VXLAN (RFC 7348) or Geneve (RFC 8926), or GRE's key (RFC 2890)."""
    at = outer.transport
    if encapsulation in _WITH_VNI and outer.protocol == _UDP:
        return int.from_bytes(head[at + _UDP_BYTES + 4 : at + _UDP_BYTES + 7], "big")
    if outer.protocol == _GRE and head[at : at + 1] and head[at] & _GRE_KEY:
        at += 8 if head[at] & _GRE_CHECKSUM else 4
        return int.from_bytes(head[at : at + 4], "big")
    return 0
