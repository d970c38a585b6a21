"""The verdict: what became of the task's packets, where, why, and how sure that is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from dyetrace.analysis.circle import circle_of
from dyetrace.analysis.contrast import Contrast
from dyetrace.analysis.losses import (
    HostReport,
    LossKey,
    entry,
    grouped_by_loss,
    next_host,
    place_of,
)
from dyetrace.analysis.partial import Alike
from dyetrace.analysis.report import path_reports
from dyetrace.analysis.sample import is_later_fragment
from dyetrace.analysis.summary import Counts, summary_of
from dyetrace.analysis.unknowns import agent_down, records_lost, why_unknown
from dyetrace.knowledge.explain import explain_loss
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.packet import FiveTuple, Outer
from dyetrace.model.path import Fate, Path
from dyetrace.model.record import Point
from dyetrace.model.site import SiteEvidence
from dyetrace.model.task import Task
from dyetrace.model.topology import Topology, VfdKind
from dyetrace.model.verdict import (
    Absence,
    Cost,
    Finding,
    Unknown,
    Verdict,
    VerdictKind,
)

MOST_ENDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that a verdict is made of."""

    task: Task
    topology: Topology
    found: Sequence[Alike]
    records: int
    reports: Mapping[int, HostReport]
    sites: Mapping[LossKey, SiteEvidence] = field(default_factory=dict)
    probes: int = 0
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePlace:
    """Where to look, through which packet's eyes."""

    host: int
    netns: int
    ifindex: int
    in_ifindex: int
    out_ifindex: int
    five_tuple: FiveTuple
    came_as: FiveTuple  # what it was when it came into the VFD
    outer: Outer | None = None


def places_to_inspect(found: Sequence[Alike], topology: Topology) -> dict[LossKey, SitePlace]:
    """Name the places of loss, one for each kind of loss."""
    lost = [alike for alike in found if alike.path.fate is not Fate.DELIVERED]
    places = {}
    for key, alikes in grouped_by_loss(lost).items():
        path = alikes[0].path
        host, netns, ifindex = path.last.port_key
        way_in = entry(path)
        places[key] = SitePlace(
            host=host,
            netns=netns,
            ifindex=ifindex,
            in_ifindex=way_in.port_key[2] if way_in else 0,
            out_ifindex=_receivers_port(path, topology),
            five_tuple=path.last.five_tuple,
            came_as=(way_in or path.sightings[0]).five_tuple,
            outer=path.last.outer,
        )
    return places


def _receivers_port(path: Path, topology: Topology) -> int:
    """The receiver's port, if the packet was lost at the VFD that has it; else 0."""
    homes = topology.vnic_ports_by_address.get(path.last.five_tuple.dst, ())
    here = (home.ifindex for home in homes if home.vfd_key == path.last.vfd_key)
    return next(here, 0)


def judge(seen: Observation) -> Verdict:
    """Answer the task."""
    delivered = _packets(seen.found, Fate.DELIVERED)
    total = max(
        sum(alike.packets for alike in seen.found),
        sum(report.colored for report in seen.reports.values()),
    )
    lost, unknowns = _sorted_out(seen)
    findings = _findings(lost, seen)
    lost_packets = sum(alike.packets for alike in lost)
    missing = total - sum(alike.packets for alike in seen.found)
    if missing:
        unknowns.append(_why_missing(missing, seen))
    if total == 0:
        unknowns = [_why_not_seen(seen)]
    kind = _kind(total, delivered, lost_packets, unknowns)
    return Verdict(
        task=seen.task,
        kind=kind,
        summary=summary_of(
            kind,
            Counts(total=total, lost=lost_packets, delivered=delivered),
            findings,
            unknowns,
            ends=_ends(seen),
            contrast=_contrast(lost, seen),
        ),
        total=total,
        lost=lost_packets,
        finished_at=seen.now,
        findings=findings,
        paths=path_reports(seen.found, seen.topology, seen.reports, seen.sites),
        unknowns=tuple(dict.fromkeys(unknowns)),
        cost=Cost(
            hosts=len(seen.topology.hosts),
            vfds=len(seen.topology.vfd_by_key),
            probes=seen.probes,
            records=seen.records,
            records_lost=sum(report.records_lost for report in seen.reports.values()),
        ),
    )


def _packets(found: Sequence[Alike], fate: Fate) -> int:
    return sum(alike.packets for alike in found if alike.path.fate is fate)


def _sorted_out(seen: Observation) -> tuple[list[Alike], list[Unknown]]:
    """Tell apart the packets that were lost and those of which nobody can know."""
    lost, unknowns = [], []
    not_delivered = [alike for alike in seen.found if alike.path.fate is not Fate.DELIVERED]
    for key, alikes in grouped_by_loss(not_delivered).items():
        for alike in alikes:
            unknown = why_unknown(
                alike.path,
                seen.topology,
                seen.reports,
                site=seen.sites.get(key, SiteEvidence()),
                packets=sum(each.packets for each in alikes),
            )
            if unknown is None:
                lost.append(alike)
            else:
                unknowns.append(unknown)
    return lost, unknowns


def _kind(total: int, delivered: int, lost: int, unknowns: Sequence[Unknown]) -> VerdictKind:
    if total == 0:
        blind = unknowns[0].code in {Absence.AGENT_DOWN, Absence.NOT_INSTALLED}
        return VerdictKind.UNDETERMINED if blind else VerdictKind.NOT_SEEN
    if delivered == total:
        return VerdictKind.DELIVERED
    if lost == total:
        return VerdictKind.LOST
    return VerdictKind.PARTIAL if lost else VerdictKind.UNDETERMINED


def _why_not_seen(seen: Observation) -> Unknown:
    """Why nothing was colored: each reason is something else to do."""
    down = [report for report in seen.reports.values() if not report.is_up]
    if down:
        return agent_down(down[0])
    reports = seen.reports.values()
    already = sum(report.already_colored for report in reports)
    if already:
        return Unknown(
            code=Absence.ALREADY_COLORED,
            text=f"{already} packets matched, but their sender uses a color's DSCP itself: "
            "configure another color",
        )
    uncolorable = sum(report.uncolorable for report in reports)
    if uncolorable:
        return Unknown(
            code=Absence.NOT_COLORABLE,
            text=f"{uncolorable} packets matched, but their DSCP class has no color: "
            "give it one (--colors)",
        )
    if seen.task.wanted.src is None and not seen.task.wanted.src_vm:
        hint = "does the sender send?"
    else:
        hint = "does the sender send, and from this address?"
    return Unknown(
        code=Absence.NO_TRAFFIC,
        text=f"no packet of {seen.task.wanted} came in at its source: {hint}",
    )


def _why_missing(missing: int, seen: Observation) -> Unknown:
    """Why colored packets have no record at all."""
    for report in seen.reports.values():
        if not report.is_up:
            return agent_down(report)
    for report in seen.reports.values():
        if report.records_lost:
            return records_lost(report)
    return Unknown(
        code=Absence.RECORDS_LOST, text=f"the records of {missing} colored packets are missing"
    )


def _findings(lost: Sequence[Alike], seen: Observation) -> tuple[Finding, ...]:
    """One finding a loss: losses of one cause at one place are one."""
    merged: dict[tuple[str, ...], tuple[Finding, list[Alike]]] = {}
    for key, alikes in grouped_by_loss(lost).items():
        finding = _finding(key, alikes, seen)
        same = (finding.cause.code, finding.host, finding.netns, finding.vfd, finding.object)
        merged.setdefault(same, (finding, []))[1].extend(alikes)
    findings = [_compared(finding, alikes, seen) for finding, alikes in merged.values()]
    return tuple(sorted(findings, key=lambda finding: -finding.packets))


def _compared(finding: Finding, alikes: Sequence[Alike], seen: Observation) -> Finding:
    """Count all packets of a finding, and say what sets them apart from the delivered ones."""
    contrast = _contrast(alikes, seen)
    return replace(
        finding,
        packets=contrast.counts[0],
        evidence=(*finding.evidence, *contrast.evidence(seen.topology)),
    )


def _finding(key: LossKey, alikes: Sequence[Alike], seen: Observation) -> Finding:
    loss = _loss(key, alikes, seen)
    explained = explain_loss(loss)
    return Finding(
        cause=explained.cause,
        host=loss.host,
        netns=loss.netns,
        vfd=loss.vfd,
        port=loss.port,
        next_host=loss.next_host if loss.place is Place.BETWEEN_HOSTS else "",
        packets=sum(alike.packets for alike in alikes),
        object=explained.object,
        drop_reason=loss.drop_reason,
        probe=explained.probe.code if explained.probe else "",
        evidence=explained.evidence,
        remedy=explained.remedy,
    )


def _loss(key: LossKey, alikes: Sequence[Alike], seen: Observation) -> Loss:
    """Gather what is known of a loss."""
    path, topology = alikes[0].path, seen.topology
    last = path.last
    vfd = topology.vfd_by_key.get(last.vfd_key)
    port = topology.port_by_key.get(last.port_key)
    way_in = entry(path)
    in_port = topology.port_by_key.get(way_in.port_key) if way_in else None
    peer = topology.vfd_by_key.get((port.host_number, port.peer[0])) if port and port.peer else None
    there = next_host(path, topology)
    homes = topology.vnic_ports_by_address.get(last.five_tuple.dst, ())
    return Loss(
        place=place_of(path, topology),
        host=topology.host_name(last.port_key[0]),
        netns=vfd.netns_name if vfd else "",
        vfd=vfd.name if vfd else "",
        vfd_kind=vfd.kind if vfd else VfdKind.VSWITCH,
        port=port.name if port else "",
        port_kind=port.kind if port else None,
        in_port=in_port.name if in_port else "",
        five_tuple=last.five_tuple,
        ttl=last.ttl,
        outer=last.outer,
        drop_reason=last.drop.reason if last.drop else "",
        symbol=last.drop.symbol if last.drop else "",
        queue_packets=last.drop.queue_packets if last.drop else 0,
        queue_bytes=last.drop.queue_bytes if last.drop else 0,
        has_left_port=_has_left(path),
        has_fragments=any(
            is_later_fragment(flow) for alike in alikes for flow in alike.sample.flows or ()
        ),
        is_at_source=last.vfd_key == path.sightings[0].vfd_key,
        is_at_destination=last.vfd_key in {home.vfd_key for home in homes},
        is_at_stranger=_is_at_stranger(path, topology),
        next_host=topology.host_name(there) if there is not None else "",
        next_vfd=peer.name if peer else "",
        circle=circle_of(path, topology),
        site=seen.sites.get(key, SiteEvidence()),
    )


def _is_at_stranger(path: Path, topology: Topology) -> bool:
    """Whether it was last seen leaving by the port of a VM that it was not for."""
    port = topology.port_by_key.get(path.last.port_key)
    addresses = port.nic.addresses if port and port.nic else ()
    is_leaving = path.last.point is Point.EGRESS
    return is_leaving and bool(addresses) and path.last.five_tuple.dst not in addresses


def _has_left(path: Path) -> bool:
    """Whether the drop came after the record of the packet's leaving by the same port."""
    sightings = path.sightings
    return (
        path.fate is Fate.DROPPED
        and len(sightings) > 1
        and sightings[-2].point is Point.EGRESS
        and sightings[-2].port_key == sightings[-1].port_key
    )


def _contrast(lost: Sequence[Alike], seen: Observation) -> Contrast:
    """Set lost packets beside all that were delivered."""
    delivered = [alike for alike in seen.found if alike.path.fate is Fate.DELIVERED]
    return Contrast(lost, delivered)


def _ends(seen: Observation) -> str:
    """Say where the packets ended, if that is not too much for a sentence."""
    ends = {alike.path.last.port_key for alike in seen.found}
    names = set()
    for key in ends:
        port = seen.topology.port_by_key.get(key)
        if port is None:
            return ""
        names.add(f"{port.nic.vm}" if port.nic else f"{port.kind} port {port.name}")
    hosts = sorted({seen.topology.host_name(key[0]) for key in ends})
    told = f" to {', '.join(sorted(names))} on host {', '.join(hosts)}"
    return told if len(names) <= MOST_ENDS else ""
