"""The connection that a packet belongs to: ctnetlink, asked for both of its tuples.

Source: include/uapi/linux/netfilter/nfnetlink_conntrack.h and
net/netfilter/nf_conntrack_netlink.c. A packet may be seen before its
translation or after it, and in either direction: it is one of four tuples.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address

from dyetrace.model.connection import Connection, turned
from dyetrace.model.packet import FiveTuple, Protocol

NETLINK_NETFILTER = 12
CONNTRACK_GET = 1 << 8 | 1  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET
NLM_F_REQUEST = 1
NLM_F_DUMP = 0x300
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLA_F_NESTED = 0x8000
NLA_TYPE_MASK = 0x3FFF

HEADER = struct.Struct("=IHHII")
FAMILY = struct.Struct("=BBH")  # struct nfgenmsg
ATTRIBUTE = struct.Struct("=HH")

TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOCOL_INFO, TIMEOUT, ZONE, FILTER = 1, 2, 3, 4, 7, 18, 25
TUPLE_IP, TUPLE_PROTOCOL = 1, 2
PROTOCOL_NUMBER, SRC_PORT, DST_PORT = 1, 2, 3
TCP_INFO, TCP_STATE = 1, 1
BY_ADDRESSES = 1 << 0 | 1 << 1 | 1 << 3  # what a dump compares: source, destination, protocol

STATUS_WORDS = {
    0: "expected", 1: "seen-reply", 2: "assured", 3: "confirmed", 4: "snat", 5: "dnat",
    9: "dying", 10: "fixed-timeout", 13: "helper", 14: "offload", 15: "hw-offload",
}  # fmt: skip
TCP_STATES = (
    "none", "syn-sent", "syn-recv", "established", "fin-wait", "close-wait", "last-ack",
    "time-wait", "close", "syn-sent2",
)  # fmt: skip
IPV6 = 6
RECEIVE_BYTES = 1 << 16
ANSWERED_WITHIN_S = 0.5
WITH_PORTS = frozenset({Protocol.TCP, Protocol.UDP, Protocol.SCTP})


def connection_of(
    flow: FiveTuple, *, zones: Iterable[int] = (), may_search: bool = True
) -> Connection | None:
    """Find a flow's connection in this thread's namespace; raises OSError where it can't be asked.

    zones: where to look beside zone 0. may_search: whether to walk the table for
    protocols without ports, whose tuples have more than a 5-tuple; the kernel does
    that, and sends only what fits.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.settimeout(ANSWERED_WITHIN_S)
        for request in _requests(flow, zones, may_search=may_search):
            for found in _asked(kernel, request):
                return _seen_by(flow, found)
    return None


def _requests(flow: FiveTuple, zones: Iterable[int], *, may_search: bool) -> Iterator[bytes]:
    if flow.protocol in WITH_PORTS:
        for zone in (0, *zones):
            yield _get(flow, zone)
            yield _get(turned(flow), zone)
    elif may_search:
        for which in (TUPLE_ORIG, TUPLE_REPLY):
            yield _search(flow, which)
            yield _search(turned(flow), which)


def _seen_by(flow: FiveTuple, found: Connection) -> Connection:
    """Say which direction a packet of the flow goes in."""
    if flow in {found.reply, turned(found.original)}:
        return Connection(
            original=found.original,
            reply=found.reply,
            is_reply=True,
            zone=found.zone,
            status=found.status,
            state=found.state,
            timeout_s=found.timeout_s,
        )
    return found


def _get(flow: FiveTuple, zone: int) -> bytes:
    body = _tuple(TUPLE_ORIG, flow) + _attribute(ZONE, zone.to_bytes(2))
    return _request(flow, body, flags=NLM_F_REQUEST)


def _search(flow: FiveTuple, which: int) -> bytes:
    # CTA_FILTER_ORIG_FLAGS and _REPLY_FLAGS have the tuples' numbers.
    wanted = _attribute(which, struct.pack("=I", BY_ADDRESSES))
    body = _tuple(which, flow) + _attribute(FILTER | NLA_F_NESTED, wanted)
    return _request(flow, body, flags=NLM_F_REQUEST | NLM_F_DUMP)


def _request(flow: FiveTuple, body: bytes, *, flags: int) -> bytes:
    family = socket.AF_INET6 if flow.dst.version == IPV6 else socket.AF_INET
    length = HEADER.size + FAMILY.size + len(body)
    header = HEADER.pack(length, CONNTRACK_GET, flags, 1, 0)
    return header + FAMILY.pack(family, 0, 0) + body


def _tuple(which: int, flow: FiveTuple) -> bytes:
    src, dst = (3, 4) if flow.dst.version == IPV6 else (1, 2)
    addresses = _attribute(src, flow.src.packed) + _attribute(dst, flow.dst.packed)
    protocol = _attribute(PROTOCOL_NUMBER, bytes([flow.protocol]))
    if flow.protocol in WITH_PORTS:
        protocol += _attribute(SRC_PORT, flow.src_port.to_bytes(2))
        protocol += _attribute(DST_PORT, flow.dst_port.to_bytes(2))
    return _attribute(
        which | NLA_F_NESTED,
        _attribute(TUPLE_IP | NLA_F_NESTED, addresses)
        + _attribute(TUPLE_PROTOCOL | NLA_F_NESTED, protocol),
    )


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _asked(kernel: socket.socket, request: bytes) -> list[Connection]:
    kernel.send(request)
    is_dump = bool(HEADER.unpack_from(request)[2] & NLM_F_DUMP)
    found: list[Connection] = []
    while True:
        data = kernel.recv(RECEIVE_BYTES)
        for kind, body in _messages(data):
            if kind == NLMSG_DONE:
                return found
            if kind == NLMSG_ERROR:
                (code,) = struct.unpack_from("=i", body)
                if code in {-errno.ENOENT, 0}:
                    return found
                raise OSError(-code, os.strerror(-code))
            if kind == CONNTRACK_GET - 1:  # answers come as IPCTNL_MSG_CT_NEW
                found += read_connection(body[FAMILY.size :])
        # A look-up's answer is followed by no end; a dump's is.
        if not is_dump:
            return found


def read_connection(body: bytes) -> list[Connection]:
    """Read an entry's attributes; none of what makes no sense."""
    found = dict(_attributes(body))
    try:
        original, reply = _five_tuple(found[TUPLE_ORIG]), _five_tuple(found[TUPLE_REPLY])
        bits = int.from_bytes(found.get(STATUS, b""))
        tcp = dict(_attributes(dict(_attributes(found.get(PROTOCOL_INFO, b""))).get(TCP_INFO, b"")))
    except (LookupError, ValueError):
        return []
    state = int.from_bytes(tcp.get(TCP_STATE, b""))
    return [
        Connection(
            original=original,
            reply=reply,
            zone=int.from_bytes(found.get(ZONE, b"")),
            status=tuple(word for bit, word in STATUS_WORDS.items() if bits >> bit & 1),
            state=TCP_STATES[state] if tcp and state < len(TCP_STATES) else "",
            timeout_s=int.from_bytes(found.get(TIMEOUT, b"")),
        )
    ]


def _five_tuple(data: bytes) -> FiveTuple:
    parts = dict(_attributes(data))
    addresses, protocol = (
        dict(_attributes(parts[TUPLE_IP])),
        dict(_attributes(parts[TUPLE_PROTOCOL])),
    )
    src, dst = (ip_address(addresses.get(v4) or addresses[v6]) for v4, v6 in ((1, 3), (2, 4)))
    return FiveTuple(
        src=src,
        dst=dst,
        protocol=protocol[PROTOCOL_NUMBER][0],
        src_port=int.from_bytes(protocol.get(SRC_PORT, b"")),
        dst_port=int.from_bytes(protocol.get(DST_PORT, b"")),
    )


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            return
        yield kind, data[at + HEADER.size : at + length]
        at += length + -length % 4


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size or at + length > len(data):
            return
        yield kind & NLA_TYPE_MASK, data[at + ATTRIBUTE.size : at + length]
        at += length + -length % 4
