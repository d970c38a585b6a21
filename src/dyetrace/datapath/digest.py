"""Name a packet by what no VFD rewrites, so that its sightings can be joined.

Hashed: layer 4's protocol; IPv4's id; TCP's seq, ack and flags, UDP's length,
ICMP's type, code and seq, or SCTP's verification tag; and the first 16 bytes
of layer 4's payload (with SCTP these hold the first chunk's TSN).

Not hashed, because it changes under way: addresses, ports and the ICMP id
(NAT), TTL (routing), DSCP and ECN (coloring, congestion), checksums (all of
these), and all outer headers. Of TCP's flags, PSH, FIN, CWR and ECE are left
out: when a GSO packet is split, the kernel keeps or moves them, and its first
segment must keep the whole's digest. TCP options are left out too, for
firewalls rewrite them (MSS clamping, stripped timestamps): sequence,
acknowledgement, IPv4 id and payload tell a flow's packets apart without them.

The first fragment has the digest of the whole packet, since UDP's length field
is the whole datagram's, unless it carries fewer than 16 bytes of payload.
Later fragments hash their protocol, IPv4 id, offset and first bytes instead. Not the id of an
IPv6 fragment: connection tracking puts fragments together and splits them anew, with another id.

Packets equal in all of this share a digest: retransmissions over IPv6, repeated
ACKs, a sender that repeats itself with IPv4 id 0. They are told apart by
occurrence: the k-th sighting here is the k-th sighting there.
"""

from hashlib import blake2b
from struct import Struct
from typing import Final

from dyetrace.datapath.ip import IPV4, IpHeader
from dyetrace.model.packet import Protocol

PAYLOAD_BYTES: Final = 16  # DYE_PAYLOAD_BYTES of dye.h

_TCP, _UDP, _SCTP = int(Protocol.TCP), int(Protocol.UDP), int(Protocol.SCTP)
_ICMP, _ICMPV6 = int(Protocol.ICMP), int(Protocol.ICMPV6)

_WHOLE = Struct("!BH")  # protocol, IPv4 id
_FRAGMENT = Struct("!BIHB")  # protocol, IPv4 id, offset, and a byte that no whole packet has here
_STABLE_TCP_FLAGS = bytes(value & 0x36 for value in range(256))  # URG, ACK, RST, SYN
_FLAGS_OFFSET = 13

_ICMP_ERRORS = frozenset({3, 4, 5, 11, 12})  # they quote a packet (RFC 792)
_ICMPV6_FIRST_INFORMATIONAL = 128  # below: errors (RFC 4443)


def digest(head: bytes, ip: IpHeader, payload: int) -> int:
    """Give the packet's 64-bit digest, never 0; payload is where layer 4's payload begins.

    blake2b, because it is the one hash of the standard library that has 64
    well-mixed bits, costs under a microsecond, is the same on every machine and
    cannot be steered by what a tenant sends: CRCs have 32 bits and are linear.
    """
    body = head[payload : min(payload + PAYLOAD_BYTES, ip.end)]
    kept_id = ip.id if ip.version == IPV4 else 0
    if ip.fragment_offset:
        name = _FRAGMENT.pack(ip.protocol, kept_id, ip.fragment_offset, 1) + body
    else:
        name = _WHOLE.pack(ip.protocol, kept_id) + _transport(head, ip, body)
    return int.from_bytes(blake2b(name, digest_size=8).digest(), "little") or 1


def _transport(head: bytes, ip: IpHeader, body: bytes) -> bytes:
    """Give what stays the same of layer 4."""
    protocol, at = ip.protocol, ip.transport
    readable = head[at : ip.end]
    if protocol == _TCP:
        flags = readable[_FLAGS_OFFSET : _FLAGS_OFFSET + 1].translate(_STABLE_TCP_FLAGS)
        return readable[4:12] + flags + body
    if protocol == _UDP:
        return readable[4:6] + body
    if protocol in {_ICMP, _ICMPV6}:
        return readable[:2] + readable[6:8] + _unrewritten(readable, body, protocol)
    if protocol == _SCTP:
        return readable[4:8] + body
    return body


def _unrewritten(icmp: bytes, body: bytes, protocol: int) -> bytes:
    """Cut the payload of an ICMP error down to what NAT leaves of the packet it quotes."""
    if protocol == _ICMP:  # length, id, fragment, TTL, protocol; not the checksum and addresses
        return body[2:10] if icmp[:1] and icmp[0] in _ICMP_ERRORS else body
    return body[4:8] if icmp[:1] and icmp[0] < _ICMPV6_FIRST_INFORMATIONAL else body
