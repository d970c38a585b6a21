"""TCP packets that were split or merged between two hops.

A large packet that is segmented on the way keeps its digest in its first
segment (the digest leaves out what differs). Packets that a receiver merges
(GRO) live on in the first of them. So a TCP packet that seems to vanish is
looked for in the records of its flow: where one covers its sequence number,
the packet has passed there.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from dyetrace.analysis.packets import Packets
from dyetrace.analysis.paths import Reconstruction
from dyetrace.model.packet import Protocol
from dyetrace.model.path import Fate
from dyetrace.model.record import RecordArray

FLOW = ("src", "dst", "src_port", "dst_port")


def with_adopted_segments(
    packets: Packets,
    records: RecordArray,
    way_of: Callable[[Packets, int], Reconstruction],
    regroup: Callable[[RecordArray], Packets],
) -> Packets:
    """Give vanished TCP packets the records that cover them, and group again.

    packets: grouped from records. Nothing is copied when none is adopted.
    """
    adopted = [
        found
        for packet in _vanished_tcp(packets, way_of)
        if len(found := _covering(packets, packet, records))
    ]
    return regroup(np.concatenate([records, *adopted])) if adopted else packets


def _vanished_tcp(packets: Packets, way_of: Callable[[Packets, int], Reconstruction]) -> list[int]:
    _, first, inverse = np.unique(packets.signature, return_index=True, return_inverse=True)
    vanished = [way_of(packets, int(packet)).path.fate is Fate.VANISHED for packet in first]
    suspects = np.flatnonzero(np.asarray(vanished, dtype=bool)[inverse])
    source = packets.records[packets.start[suspects]]
    is_data = (source["protocol"] == Protocol.TCP) & (source["payload_length"] > 0)
    return [int(packet) for packet in suspects[is_data]]


def _covering(packets: Packets, packet: int, records: RecordArray) -> RecordArray:
    """Copies of the records that cover a packet at points where it has none of its own.

    A packet that covers it from its source on is a retransmission: another
    packet, which says nothing about this one.
    """
    start, count = packets.start[packet], packets.count[packet]
    own = packets.records[start : start + count]
    distance = (own[0]["tcp_seq"] - records["tcp_seq"]).astype(np.uint32)
    covers = (
        (records["protocol"] == Protocol.TCP)
        & (distance < records["payload_length"])
        & (records["digest"] != own[0]["digest"])
        & _of_flows(records, own)
    )
    retransmissions = records["digest"][covers & (records["task_id"] != 0)]
    fitting = records[covers & ~np.isin(records["digest"], retransmissions)]
    known = {_place(row) for row in own}
    fresh = [index for index, row in enumerate(fitting) if _place(row) not in known]
    copies: RecordArray = fitting[fresh].copy()
    copies["digest"] = own[0]["digest"]
    return copies


def _of_flows(records: RecordArray, own: RecordArray) -> npt.NDArray[np.bool_]:
    """Say which records have a 5-tuple that this packet had somewhere."""
    ours = {tuple(row[name].tobytes() for name in FLOW) for row in own}
    found = np.zeros(len(records), dtype=bool)
    for flow in ours:
        found |= np.logical_and.reduce(
            [
                records[name] == np.frombuffer(value, dtype=records.dtype[name])[0]
                for name, value in zip(FLOW, flow, strict=True)
            ]
        )
    return found


def _place(row: np.void) -> tuple[int, int, int, int]:
    return int(row["host"]), int(row["netns"]), int(row["ifindex"]), int(row["point"])
