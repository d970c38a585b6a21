"""Records -> Partial: the core that every engine runs."""

from collections.abc import Mapping

import numpy as np

from dyetrace.analysis.columns import (
    I64,
    combined,
    low_digits,
    order_by_digits,
    word_of,
    words_of,
)
from dyetrace.analysis.cut_short import with_known_digests
from dyetrace.analysis.occurrences import instances
from dyetrace.analysis.packets import Packets, group
from dyetrace.analysis.partial import Alike, Histogram, Partial, Signature
from dyetrace.analysis.paths import DropNamer, Reconstruction, reconstruct
from dyetrace.analysis.sample import Sampler
from dyetrace.analysis.segments import with_adopted_segments
from dyetrace.model.record import RecordArray, record_of
from dyetrace.model.topology import Topology

TELLING = ("digest", "seen_ns", "host", "netns", "ifindex", "point", "task_id")
"""Fields that tell two sightings apart."""

FLOW = ("src", "dst", "src_port", "dst_port", "protocol")
MOST_KNOWN = 10_000  # ways of flows that are remembered at once

MOMENT_DIGITS = 2  # of 16 bits: leaves few to be compared in full

Clocks = Mapping[int, int]
"""Host number -> ns to subtract from its clock to get the reference clock's time."""


class Analysis:
    """The analysis of one cloud's records; remembers the ways it has worked out.

    What is remembered depends only on signature and flow, so forgetting it
    changes no result.
    """

    def __init__(self, *, topology: Topology, name_drop: DropNamer) -> None:
        """Take what records refer to."""
        self._topology = topology
        self._name_drop = name_drop
        self._known: dict[tuple[Signature, bytes], Reconstruction] = {}

    def analyze(self, records: RecordArray, clocks: Clocks | None = None) -> Partial:
        """Count the packets of these records by task and way.

        records: (n,) RECORD, all that is known of the packets in it, in any
        order, each maybe several times.
        """
        if len(records) == 0:
            return Partial()
        distinct = with_known_digests(_without_repeats(records))
        packets = self._grouped(distinct)
        packets = with_adopted_segments(packets, distinct, self._way_of, self._grouped)
        return Partial(self._counted(packets, clocks or {}), len(distinct))

    def _grouped(self, records: RecordArray) -> Packets:
        return group(records, instances(records, self._topology))

    def _way_of(self, packets: Packets, packet: int) -> Reconstruction:
        """Work out one packet's path; packets of its signature and flow share the answer.

        Whose port is the receiver's differs between flows, and so may the answer.
        """
        start, count = packets.start[packet], packets.count[packet]
        key = (int(packets.signature[packet]), packets.records[list(FLOW)][start].tobytes())
        if key not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            rows = [record_of(row) for row in packets.records[start : start + count]]
            self._known[key] = reconstruct(rows, topology=self._topology, name_drop=self._name_drop)
        return self._known[key]

    def _counted(self, packets: Packets, clocks: Clocks) -> dict[tuple[int, Signature], Alike]:
        """Count and time packets, all of one task and signature at once."""
        if len(packets.task) == 0:
            return {}
        kinds = np.stack([packets.task, packets.signature[packets.member]])
        order = np.lexsort(kinds)
        kinds = kinds[:, order]
        edges = np.flatnonzero(np.any(kinds[:, 1:] != kinds[:, :-1], axis=0)) + 1
        seen = packets.records["seen_ns"].astype(np.int64) - _offsets(packets.records, clocks)
        sampler = Sampler(packets, seen)
        found = {}
        for members in np.split(order, edges):
            of_kind = packets.member[members]
            way = self._way_of(packets, int(of_kind.min()))
            rows = packets.start[of_kind][:, None] + np.asarray(way.order)[None, :]
            delays = seen[rows] - seen[rows[:, :1]]
            key = (int(packets.task[members[0]]), int(packets.signature[of_kind[0]]))
            found[key] = Alike(
                len(members),
                way.path,
                tuple(Histogram.of(column) for column in delays.T),
                sampler.of(of_kind),
            )
        return found


def _without_repeats(records: RecordArray) -> RecordArray:
    """Drop records that were delivered more than once."""
    words = words_of(records)
    moment = combined(words[word_of("digest")], words[word_of("seen_ns")])
    order = order_by_digits(moment, MOMENT_DIGITS)
    cut = low_digits(moment, MOMENT_DIGITS)[order]
    alike = np.flatnonzero(cut[1:] == cut[:-1])
    suspects = np.unique(np.r_[order[alike], order[alike + 1]])
    keys = records[suspects][list(TELLING)]
    exact = np.lexsort([keys[name] for name in TELLING])
    keys = keys[exact]
    repeats = suspects[exact[1:][keys[1:] == keys[:-1]]]
    return np.delete(records, repeats) if len(repeats) else records


def _offsets(records: RecordArray, clocks: Clocks) -> I64:
    offsets = np.zeros(len(records), dtype=np.int64)
    for host, offset in clocks.items():
        offsets[records["host"] == host] = offset
    return offsets
