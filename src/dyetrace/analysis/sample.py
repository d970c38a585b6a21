"""What is remembered of packets besides their way: enough to compare lost with delivered ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from dyetrace.analysis.tally import MOST_FLOWS
from dyetrace.model.packet import FiveTuple, Protocol


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
