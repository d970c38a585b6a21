"""One sighting of one packet at one point of one VFD.

Records exist in numbers, so their usual form is a row of a numpy array of
dtype RECORD; Record is the readable form of one row, for those few that the
path reconstruction looks at.
"""

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address

import numpy as np
import numpy.typing as npt

from dyetrace.model.packet import Address, Encapsulation, FiveTuple, Outer
from dyetrace.model.task import TaskId
from dyetrace.model.topology import PortKey, VfdKey


class Point(IntEnum):
    """Where in a VFD a packet was seen; values are dye.h's."""

    INGRESS = 1  # it came in at an edge port
    EGRESS = 2  # it went out at an edge port, before that port's queue
    DROP = 3  # the VFD freed it


class RecordFlag(IntEnum):
    """Facts about one sighting, as bits."""

    TRUNCATED = 1  # its headers did not fit, or the packet ended too early
    FRAGMENT = 2  # an IP fragment other than the first: no ports
    RESTORED = 4  # its original DSCP was given back here


RECORD_VERSION = 1

RECORD = np.dtype(
    [
        ("digest", "<u8"),  # names the packet wherever it is seen; never 0
        ("task_id", "<u8"),  # source records only, one a task; else 0
        ("seen_ns", "<i8"),  # the host's monotonic clock
        ("call_site", "<u8"),  # DROP: address that freed it
        ("src", "V16"),  # IPv4 as ::ffff:a.b.c.d
        ("dst", "V16"),
        ("outer_src", "V16"),  # zero where not encapsulated
        ("outer_dst", "V16"),
        ("host", "<u4"),  # Host.number
        ("netns", "<u4"),
        ("ifindex", "<u4"),  # DROP: the packet's device, 0 where it had none
        ("vni", "<u4"),
        ("tcp_seq", "<u4"),
        ("payload_length", "<u4"),  # of layer 4
        ("drop_reason", "<u4"),  # this host's kernel's number; names travel beside
        ("queue_packets", "<u4"),  # DROP: what waited in the device's queue then
        ("queue_bytes", "<u4"),
        ("evidence", "<u4"),  # id of a document beside the records; 0: none
        ("src_port", "<u2"),
        ("dst_port", "<u2"),
        ("ip_id", "<u2"),
        ("gso_size", "<u2"),
        ("point", "u1"),  # Point
        ("protocol", "u1"),
        ("ttl", "u1"),
        ("dscp", "u1"),  # the original class
        ("encapsulation", "u1"),  # Encapsulation
        ("flags", "u1"),  # RecordFlag bits
        ("fragment_offset", "<u2"),  # in units of 8 bytes
    ]
)

RecordArray = npt.NDArray[np.void]
"""One-dimensional, dtype RECORD."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row of a RECORD array, readable."""

    digest: int
    point: Point
    seen_ns: int
    host: int
    netns: int
    ifindex: int
    five_tuple: FiveTuple
    ttl: int
    dscp: int = 0
    task_id: TaskId = 0
    outer: Outer | None = None
    call_site: int = 0
    drop_reason: int = 0
    queue_packets: int = 0
    queue_bytes: int = 0
    evidence: int = 0
    payload_length: int = 0
    gso_size: int = 0
    tcp_seq: int = 0
    flags: int = 0

    @property
    def port_key(self) -> PortKey:
        """Which port saw it."""
        return (self.host, self.netns, self.ifindex)

    @property
    def vfd_key(self) -> VfdKey:
        """Which VFD saw it."""
        return (self.host, self.netns)

    @property
    def is_source(self) -> bool:
        """Whether this is the record of the packet being colored."""
        return self.task_id != 0


def record_of(row: np.void) -> Record:
    """Make one row of a RECORD array readable."""
    encapsulation = Encapsulation(int(row["encapsulation"]))
    return Record(
        digest=int(row["digest"]),
        point=Point(int(row["point"])),
        seen_ns=int(row["seen_ns"]),
        host=int(row["host"]),
        netns=int(row["netns"]),
        ifindex=int(row["ifindex"]),
        five_tuple=FiveTuple(
            src=address_of(bytes(row["src"])),
            dst=address_of(bytes(row["dst"])),
            protocol=int(row["protocol"]),
            src_port=int(row["src_port"]),
            dst_port=int(row["dst_port"]),
        ),
        ttl=int(row["ttl"]),
        dscp=int(row["dscp"]),
        task_id=int(row["task_id"]),
        outer=(
            Outer(
                encapsulation=encapsulation,
                src=address_of(bytes(row["outer_src"])),
                dst=address_of(bytes(row["outer_dst"])),
                vni=int(row["vni"]),
            )
            if encapsulation
            else None
        ),
        call_site=int(row["call_site"]),
        drop_reason=int(row["drop_reason"]),
        queue_packets=int(row["queue_packets"]),
        queue_bytes=int(row["queue_bytes"]),
        evidence=int(row["evidence"]),
        payload_length=int(row["payload_length"]),
        gso_size=int(row["gso_size"]),
        tcp_seq=int(row["tcp_seq"]),
        flags=int(row["flags"]),
    )


def address_of(packed: bytes) -> Address:
    """Read a record's 16-byte address; IPv4 comes mapped into IPv6."""
    address = IPv6Address(packed)
    mapped: IPv4Address | None = address.ipv4_mapped
    return mapped or address


def packed_address(address: Address) -> bytes:
    """Write an address as a record holds it: 16 bytes, IPv4 mapped into IPv6."""
    if isinstance(address, IPv4Address):
        return b"\0" * 10 + b"\xff\xff" + address.packed
    return address.packed
