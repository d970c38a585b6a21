"""What is remembered of packets besides their way: enough to compare lost with delivered ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dyetrace.analysis.columns import I64, MULTIPLIERS, U64, mask_of, word_of, words_of
from dyetrace.analysis.packets import Packets
from dyetrace.model.packet import FiveTuple, Protocol
from dyetrace.model.record import record_of

MOST_FLOWS = 32  # more say nothing that a reader could use
FIRST_LOOK = 256  # packets that usually show whether there are too many flows


@dataclass(frozen=True, slots=True)
class Span:
    """The least and the greatest of some values."""

    low: int
    high: int

    def merged(self, other: "Span") -> "Span":
        """Cover both."""
        return Span(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True, slots=True)
class Sample:
    """Facts about packets as they were when they were colored."""

    lengths: Span  # of layer 4's payload, in bytes
    colored_ns: Span  # by the reference clock
    flows: Mapping[FiveTuple, int] | None  # packets by flow; None: more than MOST_FLOWS

    def merged(self, other: "Sample") -> "Sample":
        """Remember both."""
        return Sample(
            self.lengths.merged(other.lengths),
            self.colored_ns.merged(other.colored_ns),
            _flows_merged(self.flows, other.flows),
        )


def _flows_merged(
    mine: Mapping[FiveTuple, int] | None, theirs: Mapping[FiveTuple, int] | None
) -> Mapping[FiveTuple, int] | None:
    if mine is None or theirs is None:
        return None
    flows = dict(mine)
    for flow, packets in theirs.items():
        flows[flow] = flows.get(flow, 0) + packets
    return flows if len(flows) <= MOST_FLOWS else None


def is_later_fragment(flow: FiveTuple) -> bool:
    """Whether packets have no ports though their protocol has."""
    has_ports = flow.protocol in {Protocol.UDP, Protocol.TCP}
    return has_ports and flow.src_port == flow.dst_port == 0


class Sampler:
    """Takes samples of packets that were grouped; columns are cut out once for all."""

    def __init__(self, packets: Packets, seen: I64) -> None:
        """Take the packets, and when each of their records was seen: (n,) ns, reference clock."""
        self._packets = packets
        self._lengths = packets.records["payload_length"][packets.start]
        self._colored = seen[packets.start]
        self._flow = _flow_keys(packets)

    def of(self, chosen: I64) -> Sample:
        """Sample these packets, of which there is at least one."""
        lengths, colored = self._lengths[chosen], self._colored[chosen]
        return Sample(
            Span(int(lengths.min()), int(lengths.max())),
            Span(int(colored.min()), int(colored.max())),
            self._flows(chosen),
        )

    def _flows(self, chosen: I64) -> Mapping[FiveTuple, int] | None:
        keys = self._flow[chosen]
        if len(np.unique(keys[:FIRST_LOOK])) > MOST_FLOWS:
            return None
        _, first, counts = np.unique(keys, return_index=True, return_counts=True)
        if len(first) > MOST_FLOWS:
            return None
        rows = self._packets.start[chosen[first]]
        flows = (record_of(self._packets.records[row]).five_tuple for row in rows)
        return dict(zip(flows, counts.tolist(), strict=True))


def _flow_keys(packets: Packets) -> U64:
    """Hash each packet's source flow; addresses by their last eight bytes."""
    words = words_of(packets.records)
    key = words[word_of("src_port")][packets.start] & mask_of("src_port", "dst_port")
    for word in (word_of("src") + 1, word_of("dst") + 1):
        key = (key ^ words[word][packets.start]) * np.uint64(MULTIPLIERS[0])
        key ^= key >> np.uint64(32)
    protocol = words[word_of("protocol")][packets.start] & mask_of("protocol")
    hashed: U64 = (key ^ protocol) * np.uint64(MULTIPLIERS[0])
    return hashed
