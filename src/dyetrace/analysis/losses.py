"""Where packets were lost, and which losses cannot be called that."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dyetrace.analysis.partial import Alike
from dyetrace.knowledge.loss import Place
from dyetrace.model.path import Fate, Path, Sighting
from dyetrace.model.record import Point
from dyetrace.model.topology import PortKey, PortKind, Topology
from dyetrace.model.verdict import Absence, Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class HostReport:
    """What is known of one host's part in the task."""

    number: int
    name: str
    is_up: bool = True  # the agent lived, and answered to the end
    is_installed: bool = True  # all its LOG policies stood
    records_lost: int = 0
    colored: int = 0
    matched: int = 0
    uncolorable: int = 0
    already_colored: int = 0
    clock_uncertainty_ns: int | None = None  # None: its clock is not related to ours


LossKey = tuple[PortKey, Point, str, str, PortKey | None]
"""What tells one loss from another: last port and point, drop reason and function, way in."""


def loss_key(path: Path) -> LossKey:
    """Name the loss that ended this path."""
    last = path.last
    way_in = entry(path)
    return (
        last.port_key,
        last.point,
        last.drop.reason if last.drop else "",
        last.drop.symbol if last.drop else "",
        way_in.port_key if way_in else None,
    )


def entry(path: Path) -> Sighting | None:
    """Where the packet came into the VFD that it was last seen at; None if unseen."""
    return next(
        (
            sighting
            for sighting in reversed(path.sightings)
            if sighting.point is Point.INGRESS and sighting.vfd_key == path.last.vfd_key
        ),
        None,
    )


def place_of(path: Path, topology: Topology) -> Place:
    """Say where a lost packet was lost."""
    if path.fate is Fate.DROPPED:
        return Place.AT_VFD
    if path.last.point is Point.INGRESS:
        return Place.INSIDE_VFD
    port = topology.port_by_key.get(path.last.port_key)
    if port is not None and port.kind in {PortKind.UPLINK, PortKind.EXTERNAL}:
        return Place.BETWEEN_HOSTS
    return Place.BETWEEN_VFDS


def next_host(path: Path, topology: Topology) -> int | None:
    """Which host a packet that left by an uplink was sent to, where its outer header says."""
    if path.last.outer is None:
        return None
    return topology.hosts_by_underlay_address.get(path.last.outer.dst)


def why_unknown(
    path: Path, topology: Topology, reports: Mapping[int, HostReport]
) -> Unknown | None:
    """Why this vanished packet cannot be called lost; None where it can.

    A missing record is not a lost packet: whoever should have seen the packet
    next must have been able to.
    """
    if path.fate is not Fate.VANISHED:
        return None
    here = path.last.port_key[0]
    if place_of(path, topology) is not Place.BETWEEN_HOSTS:
        return _why_blind([here], reports)
    there = next_host(path, topology)
    if there is not None:
        return _why_blind([here, there], reports)
    name = topology.host_name(here)
    if path.last.outer is not None:
        return Unknown(
            code=Absence.NO_AGENT,
            text=f"left host {name} towards {path.last.outer.dst}, where no agent is known",
        )
    if len(topology.hosts) == 1:
        return Unknown(
            code=Absence.OUT_OF_SCOPE,
            text=f"left {name}, the only host with an agent, towards {path.last.five_tuple.dst}",
        )
    return _why_blind(reports, reports)


def _why_blind(hosts: Iterable[int], reports: Mapping[int, HostReport]) -> Unknown | None:
    for number in hosts:
        report = reports.get(number)
        if report is None:
            return Unknown(code=Absence.NO_AGENT, text="no agent where the packet went next")
        if not report.is_up:
            return agent_down(report)
        if report.records_lost:
            return records_lost(report)
        if not report.is_installed:
            return Unknown(
                code=Absence.NOT_INSTALLED,
                text=f"not every LOG policy could be installed on host {report.name}",
            )
    return None


def agent_down(report: HostReport) -> Unknown:
    """Say that nobody could see what happened at a host."""
    return Unknown(
        code=Absence.AGENT_DOWN, text=f"the agent of host {report.name} died during the task"
    )


def records_lost(report: HostReport) -> Unknown:
    """Say that a host's records are incomplete."""
    return Unknown(
        code=Absence.RECORDS_LOST,
        text=f"host {report.name} lost {report.records_lost} records: trace fewer packets "
        "a second, or give its agent a larger ring",
    )


def grouped_by_loss(lost: Iterable[Alike]) -> dict[LossKey, list[Alike]]:
    """Put packets of the same loss together."""
    groups: dict[LossKey, list[Alike]] = {}
    for alike in lost:
        groups.setdefault(loss_key(alike.path), []).append(alike)
    return groups
