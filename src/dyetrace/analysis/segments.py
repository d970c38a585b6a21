"""TCP packets that were split or merged between two hops.

A large packet that is segmented on the way keeps its digest in its first
segment (the digest leaves out what differs). Packets that a receiver merges
(GRO) live on in the first of them. So a TCP packet that seems to vanish is
looked for in the records of its flow: where one covers its sequence number,
the packet has passed there.
"""

from collections.abc import Callable

import numpy as np

from dyetrace.analysis.columns import (
    U64,
    columns_of,
    combined,
    field_of,
    mask_of,
)
from dyetrace.analysis.packets import ADDRESSES, PORTS, Packets
from dyetrace.analysis.paths import Reconstruction
from dyetrace.model.packet import Protocol
from dyetrace.model.path import Fate
from dyetrace.model.record import RecordArray


def adopted(
    packets: Packets, records: RecordArray, way_of: Callable[[Packets, int], Reconstruction]
) -> list[RecordArray]:
    """Give copies of the records that cover vanished TCP packets, with these packets' digests.

    records: all that may cover them.
    """
    vanished = _vanished_tcp(packets, way_of)
    if not vanished:
        return []
    flows = _Flows(records)
    return [found for packet in vanished if len(found := _covering(packets, packet, flows))]


def _vanished_tcp(packets: Packets, way_of: Callable[[Packets, int], Reconstruction]) -> list[int]:
    _, first, inverse = np.unique(packets.signature, return_index=True, return_inverse=True)
    vanished = [way_of(packets, int(packet)).path.fate is Fate.VANISHED for packet in first]
    suspects = np.flatnonzero(np.asarray(vanished, dtype=bool)[inverse])
    source = packets.columns[:, packets.source[suspects]]
    is_tcp = field_of(source, "protocol") == Protocol.TCP
    is_data = is_tcp & (field_of(source, "payload_length") > 0)
    return [int(packet) for packet in suspects[is_data]]


class _Flows:
    """The TCP records by flow, so that a packet is compared with its own flows' only."""

    def __init__(self, records: RecordArray) -> None:
        records = records[records["protocol"] == Protocol.TCP]
        order = np.argsort(flow := _flow(records), kind="stable")
        self._records = records[order]
        self._flow = flow[order]

    def like(self, own: RecordArray) -> RecordArray:
        """Give the records that have a 5-tuple which these have somewhere, as they came."""
        flows = np.unique(_flow(own))
        first = np.searchsorted(self._flow, flows, side="left")
        last = np.searchsorted(self._flow, flows, side="right")
        found = [self._records[a:b] for a, b in zip(first, last, strict=True)]
        together: RecordArray = np.concatenate(found)
        return together


def _flow(records: RecordArray) -> U64:
    """Hash addresses and ports; shape (n,)."""
    columns = columns_of(records)
    flow = columns[PORTS] & mask_of("src_port", "dst_port")
    for word in ADDRESSES:
        flow = combined(flow, columns[word])
    hashed: U64 = flow
    return hashed


def _covering(packets: Packets, packet: int, flows: _Flows) -> RecordArray:
    """Copies of the records that cover a packet at points where it has none of its own.

    A packet that covers it from its source on is a retransmission: another
    packet, which says nothing about this one.
    """
    own = packets.rows_of(packet)
    records = flows.like(own)
    distance = (own[0]["tcp_seq"] - records["tcp_seq"]).astype(np.uint32)
    covers = (distance < records["payload_length"]) & (records["digest"] != own[0]["digest"])
    retransmissions = records["digest"][covers & (records["task_id"] != 0)]
    fitting = records[covers & ~np.isin(records["digest"], retransmissions)]
    known = {_place(row) for row in own}
    fresh = [index for index, row in enumerate(fitting) if _place(row) not in known]
    copies: RecordArray = fitting[fresh].copy()
    copies["digest"] = own[0]["digest"]
    return copies


def _place(row: np.void) -> tuple[int, int, int, int]:
    return int(row["host"]), int(row["netns"]), int(row["ifindex"]), int(row["point"])
