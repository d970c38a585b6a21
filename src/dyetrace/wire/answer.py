"""The answer as JSON: the names that CLI, API and UI share."""

from datetime import datetime
from typing import Any

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import FiveTuple, Outer, Protocol, protocol_name
from dyetrace.model.task import task_name
from dyetrace.model.verdict import Delay, Finding, Hop, PathReport, Verdict
from dyetrace.wire.inspection_json import inspection_json

Json = dict[str, Any]


def answer_of(verdict: Verdict) -> Json:
    """Write a verdict with the stable names that users build on."""
    return {
        "id": task_name(verdict.task.id),
        "verdict": verdict.kind.value,
        "summary": verdict.summary,
        "total": verdict.total,
        "lost": verdict.lost,
        "started_at": rfc3339(verdict.task.opened_at),
        "finished_at": rfc3339(verdict.finished_at),
        "filter": filter_json(verdict.task.wanted),
        "findings": [_finding(finding) for finding in verdict.findings],
        "paths": [_path(path) for path in verdict.paths],
        "undetermined": [
            {"code": unknown.code.value, "text": unknown.text} for unknown in verdict.unknowns
        ],
        "cost": {
            "hosts": verdict.cost.hosts,
            "vfds": verdict.cost.vfds,
            "probes": verdict.cost.probes,
            "records": verdict.cost.records,
            "records_lost": verdict.cost.records_lost,
            "inspections": verdict.cost.inspections,
            "inspections_left_out": verdict.cost.inspections_left_out,
            "inspections_took_ns": verdict.cost.inspections_took_ns,
            "longest_inspection_ns": verdict.cost.longest_inspection_ns,
        },
        "inspections": [inspection_json(report) for report in verdict.inspections],
    }


def rfc3339(moment: datetime) -> str:
    """Write a moment in UTC."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def filter_json(wanted: PacketFilter) -> Json:
    """Write a filter without what it leaves out."""
    values = {
        "src": wanted.src,
        "dst": wanted.dst,
        "protocol": wanted.protocol,
        "src_port": wanted.src_port,
        "dst_port": wanted.dst_port,
        "src_vm": wanted.src_vm,
        "dst_vm": wanted.dst_vm,
        "nic": wanted.nic,
        "tenant": wanted.tenant,
    }
    return {name: _plain(value) for name, value in values.items() if value is not None}


def _plain(value: object) -> object:
    if isinstance(value, Protocol):
        return protocol_name(value)
    return value if isinstance(value, int | str) else str(value)


def _finding(finding: Finding) -> Json:
    cause = finding.cause
    return {
        "code": cause.code,
        "title": cause.title,
        "severity": cause.severity.value,
        "layer": cause.layer.value,
        "owner": cause.owner.value,
        "host": finding.host,
        "netns": finding.netns,
        "vfd": finding.vfd,
        "port": finding.port,
        "next_host": finding.next_host or None,
        "object": finding.object,
        "packets": finding.packets,
        "drop_reason": finding.drop_reason,
        "probe": finding.probe,
        "evidence": [{"class": shown.kind.value, "text": shown.text} for shown in finding.evidence],
        "remedy": {
            "text": finding.remedy.text,
            "command": finding.remedy.command,
            "docs": f"docs/causes/{cause.code}.md",
        },
    }


def _path(path: PathReport) -> Json:
    return {
        "packets": path.packets,
        "fate": path.fate.value,
        "hops": [_hop(hop, number) for number, hop in enumerate(path.hops, start=1)],
    }


def _hop(hop: Hop, number: int) -> Json:
    return {
        "seq": number,
        "host": hop.host,
        "netns": hop.netns,
        "vfd": hop.vfd,
        "port": hop.port,
        "point": hop.point.name,
        "seen": hop.seen,
        "delay_ns": _delay(hop.delay),
        "five_tuple": _five_tuple(hop.five_tuple),
        "outer": _outer(hop.outer),
        "nat": (
            {"before": _five_tuple(hop.nat_before), "after": _five_tuple(hop.five_tuple)}
            if hop.nat_before
            else None
        ),
        "absence": hop.absence.value if hop.absence else None,
    }


def _delay(delay: Delay | None) -> Json | None:
    if delay is None:
        return None
    return {
        "p50": delay.p50,
        "p99": delay.p99,
        "max": delay.max,
        "uncertainty": delay.uncertainty,
    }


def _five_tuple(flow: FiveTuple) -> Json:
    return {
        "src": str(flow.src),
        "dst": str(flow.dst),
        "protocol": protocol_name(flow.protocol),
        "src_port": flow.src_port,
        "dst_port": flow.dst_port,
    }


def _outer(outer: Outer | None) -> Json | None:
    if outer is None:
        return None
    return {
        "encapsulation": outer.encapsulation.name.lower(),
        "src": str(outer.src),
        "dst": str(outer.dst),
        "vni": outer.vni,
    }
