"""What a user asked for, read back from JSON."""

from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from dyetrace.model.filter import PacketFilter
from dyetrace.model.packet import Protocol
from dyetrace.model.task import Limits


def filter_from_json(fields: Mapping[str, Any]) -> PacketFilter:
    """Read a filter as filter_json writes it."""
    known = dict(fields)
    for name in ("src", "dst"):
        if known.get(name) is not None:
            known[name] = ip_network(known[name])
    if known.get("protocol") is not None:
        known["protocol"] = Protocol[known["protocol"].upper()]
    return PacketFilter(**known)


def limits_from_json(fields: Mapping[str, Any]) -> Limits:
    """Read a task's limits."""
    return Limits(
        packet_count=fields["packet_count"],
        trace_time=timedelta(seconds=fields["trace_time_s"]),
        packets_per_second=fields["packets_per_second"],
    )
