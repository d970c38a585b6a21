"""Records -> tally -> partial: what is counted, told as paths."""

from collections.abc import Callable, Mapping

import numpy as np

from dyetrace.analysis.columns import WORDS, columns_of, records_of
from dyetrace.analysis.counting import LAST, Clocks, counted, tally_of
from dyetrace.analysis.cut_short import with_known_digests
from dyetrace.analysis.histogram import BUCKET_BITS, Histogram
from dyetrace.analysis.merging import merged
from dyetrace.analysis.occurrences import keys_by_packet
from dyetrace.analysis.packets import ADDRESSES, PORTS, Packets, arrange, packets_of
from dyetrace.analysis.partial import Alike, Partial, Signature
from dyetrace.analysis.paths import DropNamer, Reconstruction, reconstruct
from dyetrace.analysis.sample import Sample, Span
from dyetrace.analysis.segments import adopted
from dyetrace.analysis.tally import SLOT_SHIFT, Flows, Kinds, Tally
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import RecordArray, address_of, record_of
from dyetrace.model.topology import Topology

FLOW = ("src", "dst", "src_port", "dst_port", "protocol")


class Analysis:
    """The analysis of one cloud's records: what a tally means in this topology."""

    def __init__(self, *, topology: Topology, name_drop: DropNamer) -> None:
        """Take what records refer to."""
        self._topology = topology
        self._name_drop = name_drop

    def analyze(self, records: RecordArray, clocks: Clocks | None = None) -> Partial:
        """Count the packets of these records by task and way.

        records: (n,) RECORD, all that is known of the packets in it, in any
        order, each maybe several times.
        """
        return self.partial(counted(columns_of(records), clocks), clocks)

    def partial(self, tally: Tally, clocks: Clocks | None = None) -> Partial:
        """Work out the paths of what was counted, and count what was left open."""
        records = tally.records
        if tally.open.shape[1]:
            tally = merged([tally, self._closed(tally, clocks)])
        return Partial(_alikes(tally, self._reconstruct), records)

    def _closed(self, tally: Tally, clocks: Clocks | None) -> Tally:
        """Count open packets, with all that is now known of them."""
        records = with_known_digests(records_of(tally.open))
        ways = _Ways(self._reconstruct)
        packets = self._grouped(records)
        all_records = np.concatenate([records, records_of(tally.covering)])
        copies = adopted(packets, all_records, ways.of)
        if copies:
            packets = self._grouped(np.concatenate([records, *copies]))
        return tally_of(packets, clocks)

    def _grouped(self, records: RecordArray) -> Packets:
        arranged = arrange(columns_of(records))
        key = keys_by_packet(arranged, self._topology)
        if key is not None:
            arranged = arrange(arranged.columns, key)
        return packets_of(arranged.of(arranged.sources > 0))

    def _reconstruct(self, rows: RecordArray) -> Reconstruction:
        return reconstruct(
            [record_of(row) for row in rows], topology=self._topology, name_drop=self._name_drop
        )


class _Ways:
    """Packets' paths; those of one signature and flow share it.

    Whose port is the receiver's differs between flows, and so may the answer.
    """

    def __init__(self, work_out: Callable[[RecordArray], Reconstruction]) -> None:
        self._work_out = work_out
        self._known: dict[tuple[Signature, bytes], Reconstruction] = {}

    def of(self, packets: Packets, packet: int) -> Reconstruction:
        rows = packets.rows_of(packet)
        key = (int(packets.signature[packet]), rows[:1][list(FLOW)].tobytes())
        if key not in self._known:
            self._known[key] = self._work_out(rows)
        return self._known[key]


def _alikes(
    tally: Tally, work_out: Callable[[RecordArray], Reconstruction]
) -> dict[tuple[int, Signature], Alike]:
    kinds = tally.kinds
    rows = records_of(kinds.one)
    histograms = _histograms(tally)
    flows = _flows_by_kind(tally.flows)
    found = {}
    for kind, (task, signature) in enumerate(zip(kinds.task, kinds.signature, strict=True)):
        start, count = int(kinds.start[kind]), int(kinds.count[kind])
        way = work_out(rows[start : start + count])
        delays = tuple(histograms[start + row] for row in way.order)
        sample = _sample(kinds, kind, flows)
        found[int(task), int(signature)] = Alike(int(kinds.packets[kind]), way.path, delays, sample)
    return found


def _histograms(tally: Tally) -> list[Histogram]:
    """One for each record that stands for others."""
    bounds = np.arange(len(tally.kinds.longest) + 1, dtype=np.uint64) << SLOT_SHIFT
    order = np.argsort(tally.delays.key)
    keys = tally.delays.key[order]
    edges = np.searchsorted(keys, bounds)
    buckets = (keys & np.uint64((1 << BUCKET_BITS) - 1)).tolist()
    packets = tally.delays.packets[order].tolist()
    return [
        Histogram(dict(zip(buckets[a:b], packets[a:b], strict=True)), longest)
        for a, b, longest in zip(edges[:-1], edges[1:], tally.kinds.longest.tolist(), strict=True)
    ]


def _sample(kinds: Kinds, kind: int, flows: Mapping[int, Mapping[FiveTuple, int]]) -> Sample:
    return Sample(
        Span(int(kinds.length_low[kind]), int(kinds.length_high[kind])),
        Span(int(kinds.colored_low[kind]), int(kinds.colored_high[kind])),
        None if kinds.many_flows[kind] else flows[kind],
    )


def _flows_by_kind(flows: Flows) -> dict[int, dict[FiveTuple, int]]:
    columns = np.zeros((WORDS, len(flows.kind)), dtype=np.uint64)
    columns[[*ADDRESSES, PORTS, LAST]] = flows.words
    rows = records_of(columns)
    found: dict[int, dict[FiveTuple, int]] = {}
    for kind, row, packets in zip(flows.kind.tolist(), rows, flows.packets.tolist(), strict=True):
        found.setdefault(kind, {})[_five_tuple(row)] = packets
    return found


def _five_tuple(row: np.void) -> FiveTuple:
    return FiveTuple(
        src=address_of(bytes(row["src"])),
        dst=address_of(bytes(row["dst"])),
        protocol=int(row["protocol"]),
        src_port=int(row["src_port"]),
        dst_port=int(row["dst_port"]),
    )
