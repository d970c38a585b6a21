"""Read IP headers from raw bytes, down to where layer 4 begins.

RFC 791 and RFC 8200. No bytes raise: what is missing is marked.
"""

from struct import Struct
from typing import Final, NamedTuple

IPV4: Final = 4
IPV6: Final = 6

_IPV4_HEADER = Struct("!BBHHHBBxx4s4s")
_IPV6_HEADER = Struct("!IHBB16s16s")
_IPV6_FRAGMENT = Struct("!BxHI")
_MAPPED = bytes(10) + b"\xff\xff"  # IPv4 inside IPv6, as records hold it

_FRAGMENT = 44
_EXTENSIONS = frozenset({0, 43, _FRAGMENT, 60, 135, 139, 140})  # not AH and ESP: we stop there
_EXTENSION_UNIT = 8  # bytes; also the shortest extension header


class IpHeader(NamedTuple):
    """One IP header and its extensions; offsets count from the head's begin.

    A tuple and no dataclass: one is made for every record, and a frozen
    dataclass takes five times as long.
    """

    version: int
    src: bytes  # 16 bytes, IPv4 as ::ffff:a.b.c.d
    dst: bytes
    protocol: int  # of layer 4; of the extension we could not read where malformed
    ttl: int
    dscp: int
    id: int  # IPv4: identification; IPv6: the fragment header's, 32 bits, else 0
    fragment_offset: int  # in units of 8 bytes
    transport: int  # offset where layer 4 begins
    end: int  # offset where the packet ends, by its own account
    is_malformed: bool  # its lengths do not add up, or the head ends inside it


def parse_ip(head: bytes, start: int, length: int) -> IpHeader | None:
    """Read the IP header at start, or give None where there are no addresses to read.

    length is the packet's, counted from the head's begin. It says where the
    packet ends when the header does not: above 64 KB, the kernel's BIG TCP
    leaves the length field 0.
    """
    if not 0 <= start < len(head):
        return None
    version = head[start] >> 4
    if version == IPV4 and len(head) - start >= _IPV4_HEADER.size:
        return _parse_ipv4(head, start, length)
    if version == IPV6 and len(head) - start >= _IPV6_HEADER.size:
        return _parse_ipv6(head, start, length)
    return None


def _parse_ipv4(head: bytes, start: int, length: int) -> IpHeader:
    first, tos, total, number, fragment, ttl, protocol, src, dst = _IPV4_HEADER.unpack_from(
        head, start
    )
    header_length = (first & 0xF) * 4
    end = start + total if total else length
    transport = start + header_length
    is_malformed = header_length < _IPV4_HEADER.size or transport > end
    if is_malformed:  # whatever follows is not what it seems: read nothing of it
        transport = end = start + _IPV4_HEADER.size
    return IpHeader(
        IPV4,
        _MAPPED + src,
        _MAPPED + dst,
        protocol,
        ttl,
        tos >> 2,
        number,
        fragment & 0x1FFF,
        transport,
        end,
        is_malformed,
    )


def _parse_ipv6(head: bytes, start: int, length: int) -> IpHeader:
    first, payload, protocol, ttl, src, dst = _IPV6_HEADER.unpack_from(head, start)
    transport = start + _IPV6_HEADER.size
    end = transport + payload if payload else max(length, transport)
    readable = min(end, len(head))
    number = offset = 0
    while protocol in _EXTENSIONS and not offset:
        if transport + _EXTENSION_UNIT > readable:
            break
        if protocol == _FRAGMENT:
            protocol, word, number = _IPV6_FRAGMENT.unpack_from(head, transport)
            offset = word >> 3
            transport += _EXTENSION_UNIT
        else:
            protocol, units = head[transport], head[transport + 1]
            transport += (units + 1) * _EXTENSION_UNIT
    is_cut = transport > end or (protocol in _EXTENSIONS and not offset)
    return IpHeader(
        IPV6,
        src,
        dst,
        protocol,
        ttl,
        first >> 22 & 0x3F,
        number,
        offset,
        transport,
        max(end, transport),
        is_cut,
    )
