"""Paths as people read them: a table of hops with counts and delays."""

from collections import Counter
from collections.abc import Mapping, Sequence

from dyetrace.analysis.histogram import Histogram
from dyetrace.analysis.losses import HostReport, LossKey, loss_key, next_host, place_of
from dyetrace.analysis.partial import Alike
from dyetrace.analysis.unknowns import NOTHING_FOUND, why_unknown
from dyetrace.knowledge.loss import Place
from dyetrace.model.path import Path, Sighting
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from dyetrace.model.topology import PortKey, Topology
from dyetrace.model.verdict import Delay, Hop, PathReport, Unknown

Shape = tuple[object, ...]


def path_reports(
    found: Sequence[Alike],
    topology: Topology,
    reports: Mapping[int, HostReport],
    sites: Mapping[LossKey, SiteEvidence],
) -> tuple[PathReport, ...]:
    """Draw each way that packets took once, the most frequent first."""
    by_shape: dict[Shape, list[Alike]] = {}
    for alike in found:
        by_shape.setdefault(_shape(alike.path), []).append(alike)
    seen = _seen(found)
    ended: Counter[LossKey] = Counter()
    for alike in found:
        ended[loss_key(alike.path)] += alike.packets
    unknowns = {
        shape: why_unknown(
            alikes[0].path,
            topology,
            reports,
            site=sites.get(loss_key(alikes[0].path), NOTHING_FOUND),
            packets=ended[loss_key(alikes[0].path)],
        )
        for shape, alikes in by_shape.items()
    }
    drawn = [
        _drawn(alikes, seen, topology, reports, unknowns[shape])
        for shape, alikes in by_shape.items()
    ]
    return tuple(sorted(drawn, key=lambda report: -report.packets))


def _shape(path: Path) -> Shape:
    places = tuple((sighting.port_key, sighting.point) for sighting in path.sightings)
    return (places, path.fate, loss_key(path))


def _seen(found: Sequence[Alike]) -> Counter[tuple[PortKey, Point]]:
    """Count at each point the packets that were seen there, whatever way they took later."""
    counts: Counter[tuple[PortKey, Point]] = Counter()
    for alike in found:
        for place in {(sighting.port_key, sighting.point) for sighting in alike.path.sightings}:
            counts[place] += alike.packets
    return counts


def _drawn(
    alikes: Sequence[Alike],
    seen: Counter[tuple[PortKey, Point]],
    topology: Topology,
    reports: Mapping[int, HostReport],
    unknown: Unknown | None,
) -> PathReport:
    path = alikes[0].path
    columns = zip(*(alike.delays for alike in alikes), strict=True)
    delays = [_sum(column) for column in columns]
    before = [None, *path.sightings[:-1]]
    hops = tuple(
        _hop(sighting, previous, delay, path, seen, topology, reports)
        for sighting, previous, delay in zip(path.sightings, before, delays, strict=True)
    )
    if unknown is not None:
        hops += (_unobserved(path, topology, unknown),)
    return PathReport(packets=sum(alike.packets for alike in alikes), fate=path.fate, hops=hops)


def _sum(histograms: Sequence[Histogram]) -> Histogram:
    total = histograms[0]
    for histogram in histograms[1:]:
        total = total.merged(histogram)
    return total


def _hop(  # noqa: PLR0913, PLR0917 - one row has this many facts
    sighting: Sighting,
    previous: Sighting | None,
    delay: Histogram,
    path: Path,
    seen: Counter[tuple[PortKey, Point]],
    topology: Topology,
    reports: Mapping[int, HostReport],
) -> Hop:
    vfd = topology.vfd_by_key.get(sighting.vfd_key)
    port = topology.port_by_key.get(sighting.port_key)
    translated = previous is not None and previous.five_tuple != sighting.five_tuple
    return Hop(
        host=topology.host_name(sighting.port_key[0]),
        netns=vfd.netns_name if vfd else "",
        vfd=vfd.name if vfd else "",
        port=port.name if port else "",
        point=sighting.point,
        seen=seen[sighting.port_key, sighting.point],
        delay=Delay(
            p50=delay.quantile(0.5),
            p99=delay.quantile(0.99),
            max=delay.max,
            uncertainty=_uncertainty(path.sightings[0], sighting, reports),
        ),
        five_tuple=sighting.five_tuple,
        nat_before=previous.five_tuple if previous is not None and translated else None,
        outer=sighting.outer,
    )


def _unobserved(path: Path, topology: Topology, unknown: Unknown) -> Hop:
    """Draw where nobody could look: unobserved is not lost."""
    last = path.last
    host, vfd = topology.host_name(last.port_key[0]), ""
    if place_of(path, topology) is Place.BETWEEN_HOSTS:
        there = next_host(path, topology)
        beyond = str(last.outer.dst if last.outer else last.five_tuple.dst)
        host = topology.host_name(there) if there is not None else beyond
    else:
        here = topology.vfd_by_key.get(last.vfd_key)
        vfd = here.name if here else ""
    return Hop(
        host=host,
        netns="",
        vfd=vfd,
        port="",
        point=Point.INGRESS if last.point is Point.EGRESS else Point.EGRESS,
        seen=0,
        five_tuple=last.five_tuple,
        absence=unknown.code,
    )


def _uncertainty(source: Sighting, here: Sighting, reports: Mapping[int, HostReport]) -> int | None:
    """How wrong a delay between two hosts' clocks may be; 0 on one host."""
    hosts = {source.port_key[0], here.port_key[0]}
    if len(hosts) == 1:
        return 0
    parts = [reports[host].clock_uncertainty_ns if host in reports else None for host in hosts]
    if any(part is None for part in parts):
        return None
    return sum(part for part in parts if part is not None)
