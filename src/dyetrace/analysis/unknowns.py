"""Which losses cannot be called that, and why: unobserved is not lost."""

from collections.abc import Iterable, Mapping

from dyetrace.analysis.losses import HostReport, next_host, place_of
from dyetrace.analysis.paths import is_handed_over
from dyetrace.knowledge.loss import Place
from dyetrace.knowledge.objects import describe_rule
from dyetrace.model.packet import Encapsulation
from dyetrace.model.path import Fate, Path
from dyetrace.model.site import SiteEvidence
from dyetrace.model.topology import Topology
from dyetrace.model.verdict import Absence, Unknown

NOTHING_FOUND = SiteEvidence()


def why_unknown(
    path: Path,
    topology: Topology,
    reports: Mapping[int, HostReport],
    *,
    site: SiteEvidence = NOTHING_FOUND,
    packets: int = 0,
) -> Unknown | None:
    """Why this packet cannot be called lost; None where it can.

    A missing record is not a lost packet: whoever should have seen the packet
    next must have been able to. Nor is one lost that was dropped for its color
    only. site: the place as its agent found it; packets: how many ended there.
    """
    if path.fate is Fate.DROPPED:
        return _color_decided(path, topology, site)
    if path.fate is not Fate.VANISHED:
        return None
    return (
        _why_unseen(path, topology, reports)
        or _handed_over(path, topology)
        or _color_lost(path, topology, site)
        or _beyond_probes(path, topology, site)
        or _in_flight(path, topology, site, packets)
    )


def _why_unseen(
    path: Path, topology: Topology, reports: Mapping[int, HostReport]
) -> Unknown | None:
    """Why the packet's next sighting may be missing."""
    here = path.last.port_key[0]
    if place_of(path, topology) is not Place.BETWEEN_HOSTS:
        return _why_blind([here], reports)
    there = next_host(path, topology)
    if there is not None:
        return _why_blind([here, there], reports)
    name = topology.host_name(here)
    if path.last.outer is not None:
        homes = [
            home.host_number
            for home in topology.vnic_ports_by_address.get(path.last.five_tuple.dst, ())
            if _is_in_scope(home.host_number, reports)  # else another tenant's
        ]
        if homes and path.last.outer.encapsulation is not Encapsulation.SRV6:
            # Wherever it went, its receiver's host would have seen it come in.
            return _why_blind([here, *homes], reports)
        return Unknown(
            code=Absence.NO_AGENT,
            text=f"they left host {name} towards {path.last.outer.dst}, where no agent is known",
        )
    if len(topology.hosts) == 1 and topology.is_whole:
        return Unknown(
            code=Absence.OUT_OF_SCOPE,
            text=f"they left {name}, the only host with an agent, "
            f"towards {path.last.five_tuple.dst}",
        )
    return _why_blind(reports, reports) or _beyond_reach(name, topology)


def _beyond_reach(name: str, topology: Topology) -> Unknown | None:
    """Whether there are hosts where nobody looked for what left unencapsulated."""
    if topology.is_whole:
        return None
    return Unknown(
        code=Absence.OUT_OF_SCOPE,
        text=f"they left host {name}, and may have gone to hosts that have nothing to do with "
        "their tenant, so that nobody looked there",
    )


def _handed_over(path: Path, topology: Topology) -> Unknown | None:
    """Whether a program has them that may send them on."""
    port = topology.port_by_key.get(path.last.port_key)
    if port is None or not is_handed_over(path.last, topology):
        return None
    program = port.nic.vm if port.nic else "a program"
    return Unknown(
        code=Absence.OUT_OF_SCOPE,
        text=f"they were handed to {program} by {port.name} {_where(path, topology)}, which is "
        f"not where {path.last.five_tuple.dst} is: it may have sent them on, unseen",
    )


def _color_lost(path: Path, topology: Topology, site: SiteEvidence) -> Unknown | None:
    """Whether a rule where the packet went in sets the DSCP: beyond it nobody knows the packet."""
    if not site.rewriters or place_of(path, topology) is not Place.INSIDE_VFD:
        return None
    rule = describe_rule(site.rewriters[0])
    others = len(site.rewriters) - 1
    by = f"{rule}, or one of {others} more that do so" if others else rule
    return Unknown(
        code=Absence.COLOR_LOST,
        text=f"they came in {_where(path, topology)}, where the DSCP, and so the color, "
        f"is rewritten by {by}: they may have gone on from there",
    )


def _color_decided(path: Path, topology: Topology, site: SiteEvidence) -> Unknown | None:
    """Whether a rule drops packets for the color that we gave them, and for nothing else."""
    seen, rule = site.uncolored, site.dropped_by
    if seen is None or rule is None or seen.dropped or not seen.passed:
        return None
    return Unknown(
        code=Absence.COLOR_DECIDED,
        text=f"the color changed their fate {_where(path, topology)}: {describe_rule(rule)} "
        f"drops by DSCP, while {seen.passed} packets of the flow without color passed there "
        "(choose other colors: the agents' --colors)",
    )


def _beyond_probes(path: Path, topology: Topology, site: SiteEvidence) -> Unknown | None:
    """Whether a program where the packet went in may have sent it where nobody logs."""
    if not site.programs or place_of(path, topology) is not Place.INSIDE_VFD:
        return None
    return Unknown(
        code=Absence.PROBE_UNSUPPORTED,
        text=f"they came in {_where(path, topology)}, where {site.programs[0]} may have taken "
        "them elsewhere, or changed them: no probe sees what it does",
    )


def _in_flight(path: Path, topology: Topology, site: SiteEvidence, packets: int) -> Unknown | None:
    """Whether all may still wait in the queue of the port that they left by."""
    queue, port = site.queue, topology.port_by_key.get(path.last.port_key)
    if queue is None or port is None or queue.device != port.name:
        return None
    if place_of(path, topology) is Place.INSIDE_VFD or not 0 < packets <= queue.packets:
        return None
    return Unknown(
        code=Absence.IN_FLIGHT,
        text=f"they were sent by {port.name} {_where(path, topology)}, whose queue "
        f"{f'{queue.kind} {queue.handle}'.rstrip()} still held {queue.packets} packets "
        "when the trace ended: they may be among them",
    )


def _where(path: Path, topology: Topology) -> str:
    vfd = topology.vfd_by_key.get(path.last.vfd_key)
    return f"at {vfd.name if vfd else 'a VFD'} on host {topology.host_name(path.last.port_key[0])}"


def _is_in_scope(host: int, reports: Mapping[int, HostReport]) -> bool:
    return host not in reports or reports[host].is_in_scope


def _why_blind(hosts: Iterable[int], reports: Mapping[int, HostReport]) -> Unknown | None:
    for number in hosts:
        report = reports.get(number)
        if report is None:
            return Unknown(code=Absence.NO_AGENT, text="there is no agent where they went next")
        if not report.is_in_scope:
            return Unknown(
                code=Absence.OUT_OF_SCOPE,
                text=f"they went to host {report.name}, which has nothing to do with their tenant, "
                "so that nobody looked there",
            )
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
        code=Absence.AGENT_DOWN, text=f"the agent of host {report.name} {report.why_down}"
    )


def records_lost(report: HostReport) -> Unknown:
    """Say that a host's records are incomplete."""
    return Unknown(
        code=Absence.RECORDS_LOST,
        text=f"host {report.name} lost {report.records_lost} records: trace fewer packets "
        "a second, or give its agent a larger ring",
    )
