"""nftables' own account of what its rules did to a packet: its trace messages, decoded.

Source: include/uapi/linux/netfilter/nf_tables.h (enum nft_trace_attributes) and
net/netfilter/nf_tables_trace.c. Bytes that make no sense are left out, never raised:
the socket's messages come from the kernel, but a later kernel may say more.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

NFNL_SUBSYS_NFTABLES = 10
NFT_MSG_TRACE = 17
TRACE_MESSAGE = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_TRACE

NLMSGHDR = struct.Struct("=IHHII")
NFGENMSG_BYTES = 4
NLATTR = struct.Struct("=HH")
NLA_TYPE_MASK = 0x3FFF
ALIGNMENT = 4

FAMILIES = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}


class Attribute(IntEnum):
    """What a trace message tells."""

    TABLE = 1
    CHAIN = 2
    RULE_HANDLE = 3
    TYPE = 4
    VERDICT = 5
    ID = 6
    LINK_LAYER_HEADER = 7
    NETWORK_HEADER = 8
    TRANSPORT_HEADER = 9
    POLICY = 16


class Kind(IntEnum):
    """Which moment of a chain's traversal a step is."""

    POLICY = 1  # the base chain's end: its policy decides
    RETURN = 2  # a chain was left without a verdict
    RULE = 3  # a rule matched


class Verdict(IntEnum):
    """What a rule or policy decided (nf_tables.h, netfilter.h)."""

    RETURN = -5
    GOTO = -4
    JUMP = -3
    BREAK = -2
    CONTINUE = -1
    DROP = 0
    ACCEPT = 1
    STOLEN = 2
    QUEUE = 3
    REPEAT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceStep:
    """One rule or policy that a traced packet met.

    Headers come with the first step of each base chain only.
    """

    trace_id: int  # the same for all steps of one packet, until it changes namespace
    family: str
    table: str
    chain: str
    kind: Kind
    handle: int = 0  # of the rule; 0 for a policy
    verdict: int = Verdict.CONTINUE
    target: str = ""  # JUMP, GOTO: the chain it went on to
    link_layer_header: bytes = b""
    network_header: bytes = b""
    transport_header: bytes = b""

    @property
    def is_drop(self) -> bool:
        """Whether the packet ended here."""
        return self.verdict == Verdict.DROP


def trace_steps(data: bytes) -> Iterator[TraceStep]:
    """Read the steps in what one recv of the socket gave."""
    at = 0
    while at + NLMSGHDR.size <= len(data):
        length, kind, *_ = NLMSGHDR.unpack_from(data, at)
        if length < NLMSGHDR.size or at + length > len(data):
            return
        body = data[at + NLMSGHDR.size : at + length]
        if kind == TRACE_MESSAGE and (step := _step(body)) is not None:
            yield step
        at += _aligned(length)


def _step(body: bytes) -> TraceStep | None:
    if len(body) < NFGENMSG_BYTES:
        return None
    found = dict(_attributes(body[NFGENMSG_BYTES:]))
    kind = _number(found.get(Attribute.TYPE, b""))
    if kind not in set(Kind) or Attribute.ID not in found:
        return None
    decision = dict(_attributes(found.get(Attribute.VERDICT, b"")))
    code = decision.get(1, found.get(Attribute.POLICY, b"\xff\xff\xff\xff"))
    return TraceStep(
        trace_id=_number(found[Attribute.ID]),
        family=FAMILIES.get(body[0], str(body[0])),
        table=_text(found.get(Attribute.TABLE, b"")),
        chain=_text(found.get(Attribute.CHAIN, b"")),
        kind=Kind(kind),
        handle=_number(found.get(Attribute.RULE_HANDLE, b"")),
        verdict=int.from_bytes(code, "big", signed=True),
        target=_text(decision.get(2, b"")),
        link_layer_header=found.get(Attribute.LINK_LAYER_HEADER, b""),
        network_header=found.get(Attribute.NETWORK_HEADER, b""),
        transport_header=found.get(Attribute.TRANSPORT_HEADER, b""),
    )


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + NLATTR.size <= len(data):
        length, kind = NLATTR.unpack_from(data, at)
        if length < NLATTR.size or at + length > len(data):
            return
        yield kind & NLA_TYPE_MASK, data[at + NLATTR.size : at + length]
        at += _aligned(length)


def _aligned(length: int) -> int:
    return (length + ALIGNMENT - 1) & ~(ALIGNMENT - 1)


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode(errors="replace")
