"""All probes there are, and which of them a drop was."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dyetrace.knowledge.catalogue import PREFIX, cause_of_drop_reason
from dyetrace.knowledge.drop_reasons import MEANINGS
from dyetrace.knowledge.probe import Probe, Row
from dyetrace.knowledge.probes import (
    devices,
    dpdk,
    ipsec,
    ipv4,
    ipv6,
    modules,
    neighbour,
    netfilter,
    openvswitch,
    ovn,
    programs,
    queues,
    sockets,
    tcp,
    udp,
    userspace_switch,
)

ANYWHERE: Final = "anywhere"

_ROWS: Final[Mapping[str, tuple[Row, ...]]] = MappingProxyType(
    {
        "ipv4": ipv4.ROWS,
        "ipv6": ipv6.ROWS,
        "neighbour": neighbour.ROWS,
        "sockets": sockets.ROWS,
        "udp": udp.ROWS,
        "tcp": tcp.ROWS,
        "netfilter": netfilter.ROWS,
        "devices": devices.ROWS,
        "queues": queues.ROWS,
        "programs": programs.ROWS,
        "ipsec": ipsec.ROWS,
        "modules": modules.ROWS,
        "openvswitch": openvswitch.ROWS,
        "userspace_switch": userspace_switch.ROWS,
        "dpdk": dpdk.ROWS,
        "ovn": ovn.ROWS,
    }
)
BUILT_IN: Final = frozenset(_ROWS) - {"modules", "openvswitch", "userspace_switch", "dpdk", "ovn"}
"""Subsystems whose places are functions of every kernel that has them built in."""


def _probe(subsystem: str, row: Row) -> Probe:
    code, place, reason, cause, description = row[:5]
    return Probe(
        code=code,
        subsystem=subsystem,
        place=place,
        reason=reason,
        kind=row[5] if len(row) > 5 else "",  # noqa: PLR2004 - the sixth is optional
        description=description,
        cause=cause or cause_of_drop_reason(reason).code,
    )


PLACED: Final = tuple(_probe(subsystem, row) for subsystem, rows in _ROWS.items() for row in rows)

_COUNTERS: Final = frozenset(
    probe.reason for probe in PLACED if probe.place.upper() == probe.reason
)

UNPLACED: Final = tuple(
    Probe(
        code=f"{reason}_ANYWHERE",
        subsystem=ANYWHERE,
        place="",
        reason=reason,
        description=description,
        cause=cause_of_drop_reason(reason).code,
    )
    for reason, description in MEANINGS.items()
    if reason not in _COUNTERS
)
"""One for each drop reason: for places that nobody has written down yet."""

PROBES: Final = (*PLACED, *UNPLACED)

_BY_CODE: Final = MappingProxyType({probe.code: probe for probe in PROBES})
_BY_KEY: Final = MappingProxyType(
    {(probe.place, probe.reason, probe.kind): probe for probe in PROBES}
)
_UNKNOWN: Final = _BY_CODE["NOT_SPECIFIED_ANYWHERE"]


def probe_by_code(code: str) -> Probe:
    """Give the probe of this code; KeyError if there is none."""
    return _BY_CODE[code]


def probe_of(drop_reason: str, symbol: str, kind: str = "") -> Probe:
    """Find the most specific probe of a drop; there always is one.

    kind is the queue's (tbf) or the rule's family (inet), where it is known.
    """
    reason = drop_reason.removeprefix(PREFIX) or "NOT_SPECIFIED"
    place = symbol.split("+", maxsplit=1)[0].split(".", maxsplit=1)[0]
    keys = [
        (place, reason, kind),
        *([("", reason, kind)] if kind else []),
        (place, reason, ""),
        (place, "", ""),
        (reason.lower(), reason, ""),
        ("", reason, ""),
    ]
    return next((_BY_KEY[key] for key in keys if key in _BY_KEY), _UNKNOWN)
