"""Records of simulated packets: what all who look would see of them."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.simulated.cloud import SimulatedCloud
from dyetrace.datapath.simulated.faults import FAULTS
from dyetrace.datapath.simulated.traffic import Planted
from dyetrace.datapath.simulated.ways import Stop
from dyetrace.model.record import RECORD, Point, RecordArray, RecordFlag, packed_address
from dyetrace.model.task import TaskId

HOP_NS = 4_000
JITTER_NS = 3_000
FIRST_CALL_SITE = 0xFFFFFFFF81000000
PAYLOAD = 1000  # bytes

_REASONS = sorted({fault.drop_reason for fault in FAULTS.values()} - {""})
_SYMBOLS = sorted({fault.symbol for fault in FAULTS.values()} - {""})
DROP_NAMES = dict(enumerate(_REASONS, start=2))
SYMBOLS = {FIRST_CALL_SITE + number: name for number, name in enumerate(_SYMBOLS)}
_NUMBERS = {name: number for number, name in DROP_NAMES.items()}
_CALL_SITES = {name: address for address, name in SYMBOLS.items()}


class Sightings:
    """Makes the records of a flow's packets; the same packets for the same draw."""

    def __init__(self, cloud: SimulatedCloud) -> None:
        """Take the cloud whose hosts' numbers the records have."""
        self._cloud = cloud
        self._templates: dict[int, tuple[RecordArray, RecordArray]] = {}

    def of(
        self,
        planted: Planted,
        tasks: Sequence[TaskId],
        sent_ns: npt.NDArray[np.int64],
        draw: np.random.Generator,
    ) -> RecordArray:
        """Make all records of packets sent at these times, shape (n,), and colored for these tasks.

        In every host's records seen_ns is by one and the same clock. Where several tasks color
        a packet, its source record is there once for each.
        """
        whole, ended = self._of_flow(planted)
        is_lost = draw.random(len(sent_ns)) < planted.share
        parts = [
            self._filled(template, sent_ns[chosen], tasks, draw)
            for template, chosen in ((whole, ~is_lost), (ended, is_lost))
            if chosen.any()
        ]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=RECORD)

    def _of_flow(self, planted: Planted) -> tuple[RecordArray, RecordArray]:
        if planted.number not in self._templates:
            self._templates[planted.number] = (
                self._template(planted, planted.way),
                self._template(planted, planted.ended),
            )
        return self._templates[planted.number]

    def _template(self, planted: Planted, way: Sequence[Stop]) -> RecordArray:
        rows = np.zeros(len(way), dtype=RECORD)
        for number, (row, stop) in enumerate(zip(rows, way, strict=True)):
            flow, outer = stop.flow, stop.outer
            row["host"] = self._cloud.number_of[stop.host]
            row["netns"], row["ifindex"], row["point"] = stop.netns, stop.ifindex, stop.point
            row["src"], row["dst"] = (np.void(packed_address(it)) for it in (flow.src, flow.dst))
            row["src_port"], row["dst_port"] = flow.src_port, flow.dst_port
            row["protocol"], row["ttl"] = flow.protocol, stop.ttl
            row["seen_ns"], row["payload_length"] = number * HOP_NS, PAYLOAD
            if outer is not None:
                row["encapsulation"], row["vni"] = outer.encapsulation, outer.vni
                row["outer_src"] = np.void(packed_address(outer.src))
                row["outer_dst"] = np.void(packed_address(outer.dst))
            if stop == planted.way[-1]:  # where it leaves the cloud, its DSCP is given back
                row["flags"] = RecordFlag.RESTORED
            if stop.point is Point.DROP:
                fault = FAULTS[planted.fault]
                row["drop_reason"] = _NUMBERS[fault.drop_reason]
                row["call_site"] = _CALL_SITES[fault.symbol]
                row["queue_packets"] = fault.queue_packets
        return rows

    def _filled(
        self,
        template: RecordArray,
        sent_ns: npt.NDArray[np.int64],
        tasks: Sequence[TaskId],
        draw: np.random.Generator,
    ) -> RecordArray:
        """Repeat a template for each packet, with what differs between packets."""
        packets, stops = len(sent_ns), len(template)
        rows: RecordArray = np.tile(template, packets)
        rows["digest"] = np.repeat(draw.integers(1, 2**63, packets, dtype=np.uint64), stops)
        rows["ip_id"] = np.repeat(draw.integers(0, 2**16, packets), stops)
        rows["tcp_seq"] = np.repeat(draw.integers(0, 2**32, packets), stops)
        jitter = np.sort(draw.integers(0, JITTER_NS, (packets, stops)), axis=1)
        rows["seen_ns"] += (sent_ns[:, None] + jitter).ravel()
        sources = np.repeat(rows[::stops], len(tasks))
        sources["task_id"] = np.tile(np.array(tasks, dtype=np.uint64), packets)
        others = np.delete(rows, np.arange(0, len(rows), stops))
        return np.concatenate([sources, others])
