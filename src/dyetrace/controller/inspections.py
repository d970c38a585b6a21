"""What agents inspected at the moment, sorted to a task's losses and paths. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dyetrace.analysis.losses import LossKey
from dyetrace.analysis.partial import Alike
from dyetrace.model.inspection import Inspection, InspectionReport
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from dyetrace.model.topology import Topology, VfdKey
from dyetrace.model.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class OfHost:
    """One host's inspections."""

    host: int
    taken: Sequence[Inspection] = ()
    left_out: int = 0


def taken_at_drop(hosts: Iterable[OfHost], loss: LossKey, lost: FiveTuple) -> SiteEvidence | None:
    """Give what was taken when the first packet was lost like this; None if nothing was.

    lost: the packet's own, for another's way leads by other routes and neighbours.
    """
    port, point, reason, symbol, way_in, flow = loss
    ways_in = {way_in[2] if way_in else 0, 0}
    return next(
        (
            taken.site
            for of_host in hosts
            for taken in of_host.taken
            if point is taken.point is Point.DROP
            and (of_host.host, taken.netns, taken.ifindex) == port
            and (taken.drop_reason, taken.symbol) == (reason, symbol)
            and taken.in_ifindex in ways_in
            and flow in {None, taken.five_tuple}
            and (taken.five_tuple.src, taken.five_tuple.dst) == (lost.src, lost.dst)
        ),
        None,
    )


def with_rule(taken: SiteEvidence, later: SiteEvidence) -> SiteEvidence:
    """Add the rules that a closer look has seen to what was taken at the drop."""
    if later.dropped_by is None:
        return taken if taken.rules else replace(taken, rules=later.rules)
    return replace(taken, dropped_by=later.dropped_by, rules_met=later.rules_met)


def with_inspections(
    verdict: Verdict, hosts: Sequence[OfHost], found: Sequence[Alike], topology: Topology
) -> Verdict:
    """Add the inspections of a task's own paths to its verdict, in the order of the paths."""
    places = _places(found)
    reports = [
        (places[key], taken.seen_ns, _report(of_host.host, taken, topology))
        for of_host in hosts
        for taken in of_host.taken
        if (key := ((of_host.host, taken.netns), taken.five_tuple)) in places
    ]
    chosen = tuple(report for *_, report in sorted(reports, key=lambda each: each[:2]))
    took = [taken.took_ns for of_host in hosts for taken in of_host.taken]
    cost = replace(
        verdict.cost,
        inspections=len(took),
        inspections_left_out=sum(of_host.left_out for of_host in hosts),
        inspections_took_ns=sum(took),
        longest_inspection_ns=max(took, default=0),
    )
    return replace(verdict, inspections=chosen, cost=cost)


def _places(found: Sequence[Alike]) -> Mapping[tuple[VfdKey, FiveTuple], int]:
    """Number the VFDs and flows of all paths in the order packets come by."""
    numbers: dict[tuple[VfdKey, FiveTuple], int] = {}
    for sighting in _sightings(found):
        numbers.setdefault(sighting, len(numbers))
    return numbers


def _sightings(found: Sequence[Alike]) -> Iterator[tuple[VfdKey, FiveTuple]]:
    for alike in found:
        for sighting in alike.path.sightings:
            yield sighting.vfd_key, sighting.five_tuple
            for flow in alike.sample.flows or ():
                yield sighting.vfd_key, flow


def _report(host: int, taken: Inspection, topology: Topology) -> InspectionReport:
    vfd = topology.vfd_by_key.get((host, taken.netns))
    port = topology.port_by_key.get((host, taken.netns, taken.ifindex))
    return InspectionReport(
        host=topology.host_name(host),
        netns=vfd.netns_name if vfd else "",
        vfd=vfd.name if vfd else "",
        port=port.name if port else "",
        taken=taken,
    )
