"""What the lost packets have in common that the delivered ones have not.

Said only of samples that can carry it: were it chance which packets are lost,
all of them being on one side would be less likely than one in a thousand.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import comb

from dyetrace.analysis.partial import Alike
from dyetrace.analysis.sample import Span, is_later_fragment
from dyetrace.model.cause import Evidence, EvidenceClass
from dyetrace.model.packet import FiveTuple, protocol_name
from dyetrace.model.path import Path
from dyetrace.model.record import Point
from dyetrace.model.topology import PortKey, Topology

FEWEST = 3  # of either kind
LEAST_WAYS = 1000  # to choose the lost among all
MOST_VALUES = 3  # that a sentence can name
MS = 1_000_000

FIELDS: tuple[tuple[str, Callable[[FiveTuple], object]], ...] = (
    ("protocol", lambda flow: protocol_name(flow.protocol)),
    ("destination", lambda flow: flow.dst),
    ("destination port", lambda flow: flow.dst_port),
    ("source", lambda flow: flow.src),
    ("source port", lambda flow: flow.src_port),
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """The lost packets of one finding, and all delivered ones."""

    lost: Sequence[Alike]
    delivered: Sequence[Alike]

    @property
    def counts(self) -> tuple[int, int]:
        """How many there are of each."""
        return _packets(self.lost), _packets(self.delivered)

    @property
    def is_telling(self) -> bool:
        """Whether there are enough of both for a difference to mean something."""
        lost, delivered = self.counts
        return min(lost, delivered) >= FEWEST and comb(lost + delivered, lost) >= LEAST_WAYS

    @property
    def lost_first(self) -> bool:
        """Whether every lost packet was colored before every delivered one."""
        return self._is_timed and self._colored(self.lost).high < self._colored(self.delivered).low

    @property
    def lost_last(self) -> bool:
        """Whether every lost packet was colored after every delivered one."""
        return self._is_timed and self._colored(self.delivered).high < self._colored(self.lost).low

    @property
    def _is_timed(self) -> bool:
        """Whether one clock has timed all: others are not exact enough."""
        sources = {alike.path.sightings[0].port_key[0] for alike in (*self.lost, *self.delivered)}
        return self.is_telling and len(sources) == 1

    @staticmethod
    def _colored(alikes: Sequence[Alike]) -> Span:
        return _span([alike.sample.colored_ns for alike in alikes])

    def evidence(self, topology: Topology) -> tuple[Evidence, ...]:
        """Say what sets the lost packets apart."""
        if not self.is_telling:
            return ()
        texts = (*self._of_size(), *self._of_way(topology), *self._of_flows(), *self._of_time())
        return tuple(Evidence(kind=EvidenceClass.INFERRED, text=text) for text in texts)

    def _of_size(self) -> Iterator[str]:
        lost = _span([alike.sample.lengths for alike in self.lost])
        delivered = _span([alike.sample.lengths for alike in self.delivered])
        if delivered.high < lost.low:
            told = f"at least {lost.low} bytes of payload, {{}} at most {delivered.high}"
        elif lost.high < delivered.low:
            told = f"at most {lost.high} bytes of payload, {{}} at least {delivered.low}"
        else:
            return
        yield f"{self._all_lost} carry {told.format(self._all_delivered)}"

    def _of_way(self, topology: Topology) -> Iterator[str]:
        taken = set[tuple[PortKey, Point]]().union(*(_places(each.path) for each in self.delivered))
        for place in _places(self.lost[0].path):
            if place not in taken and all(place in _places(each.path) for each in self.lost):
                key, point = place
                port, vfd = topology.port_by_key.get(key), topology.vfd_by_key.get(key[:2])
                went = "came in at" if point is Point.INGRESS else "left by"
                yield (
                    f"{self._all_lost} {went} {port.name if port else 'a port'} of "
                    f"{vfd.name if vfd else 'a VFD'} on host {topology.host_name(key[0])}, "
                    f"{self._no_delivered} did"
                )
                return

    def _of_flows(self) -> Iterator[str]:
        lost, delivered = _flows(self.lost), _flows(self.delivered)
        if lost is None or delivered is None:
            return
        if all(map(is_later_fragment, lost)):
            if not any(map(is_later_fragment, delivered)):
                yield (
                    f"{self._all_lost} are later fragments of larger packets, "
                    f"{self._no_delivered} is: without them the first ones are of no use"
                )
            return
        for name, value in FIELDS:
            values = sorted({str(value(flow)) for flow in lost})
            others = {str(value(flow)) for flow in delivered}
            if len(values) <= MOST_VALUES and others.isdisjoint(values):
                yield (
                    f"{self._all_lost} have {name} {' or '.join(values)}, {self._no_delivered} has"
                )
                return

    def _of_time(self) -> Iterator[str]:
        lost, delivered = self._colored(self.lost), self._colored(self.delivered)
        start = min(lost.low, delivered.low)
        if self.lost_first:
            yield (
                f"{self._all_lost} were colored within {_ms(lost.high - start)}, "
                f"{self._all_delivered} from {_ms(delivered.low - start)} on: "
                "what lost them had ended by then"
            )
        elif self.lost_last:
            yield (
                f"{self._all_delivered} were colored within {_ms(delivered.high - start)}, "
                f"{self._all_lost} from {_ms(lost.low - start)} on: "
                "what lost them began in between"
            )

    @property
    def _all_lost(self) -> str:
        return f"all {self.counts[0]} packets lost here"

    @property
    def _all_delivered(self) -> str:
        return f"all {self.counts[1]} delivered ones"

    @property
    def _no_delivered(self) -> str:
        return f"none of the {self.counts[1]} delivered ones"


def _packets(alikes: Sequence[Alike]) -> int:
    return sum(alike.packets for alike in alikes)


def _span(spans: Sequence[Span]) -> Span:
    whole = spans[0]
    for span in spans[1:]:
        whole = whole.merged(span)
    return whole


def _places(path: Path) -> list[tuple[PortKey, Point]]:
    """Give where it passed; that it was dropped is known without comparison."""
    return [
        (sighting.port_key, sighting.point)
        for sighting in path.sightings
        if sighting.point is not Point.DROP
    ]


def _flows(alikes: Sequence[Alike]) -> set[FiveTuple] | None:
    flows: set[FiveTuple] = set()
    for alike in alikes:
        if alike.sample.flows is None:
            return None
        flows.update(alike.sample.flows)
    return flows


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / MS:.1f} ms"
