"""Inspections as JSON: what a VFD decided for a packet, without what was not found."""

from typing import Any

from dyetrace.model.connection import Connection
from dyetrace.model.inspection import InspectionReport
from dyetrace.model.packet import FiveTuple, protocol_name
from dyetrace.model.site import SiteEvidence
from dyetrace.wire.codec import to_plain

Json = dict[str, Any]


def inspection_json(report: InspectionReport) -> Json:
    """Write one inspection; after_ns is from the packet's sighting to the inspection."""
    taken = report.taken
    return {
        "host": report.host,
        "netns": report.netns,
        "vfd": report.vfd,
        "port": report.port,
        "point": taken.point.name,
        "five_tuple": _flow(taken.five_tuple),
        "drop_reason": taken.drop_reason,
        "after_ns": taken.taken_ns - taken.seen_ns,
        "took_ns": taken.took_ns,
        "site": _site(taken.site),
    }


def _site(site: SiteEvidence) -> Json:
    plain: Json = to_plain(site)
    if site.connection is not None:
        plain["connection"] = _connection(site.connection)
    return {name: value for name, value in plain.items() if value not in (None, [], "")}


def _connection(found: Connection) -> Json:
    plain: Json = to_plain(found)
    flows = ("original", "reply", "before", "after")
    return plain | {name: _flow(getattr(found, name)) for name in flows}


def _flow(flow: FiveTuple) -> Json:
    return {**to_plain(flow), "protocol": protocol_name(flow.protocol)}
