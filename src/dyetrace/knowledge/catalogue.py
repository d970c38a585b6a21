"""All causes there are, and which of them explains a loss.

A loss gets the first cause whose facts explain it; if none does, the one that
its drop reason belongs to.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from dyetrace.knowledge.entries_by_facts import BY_FACTS
from dyetrace.knowledge.entries_by_reason import BY_REASON
from dyetrace.knowledge.entry import Entry
from dyetrace.knowledge.loss import Loss, Place
from dyetrace.model.cause import Cause

PREFIX: Final = "SKB_DROP_REASON_"

ENTRIES: Final = (*BY_FACTS, *BY_REASON)

CAUSES: Final = tuple(entry.cause for entry in ENTRIES)

_ENTRY_BY_CODE: Final[Mapping[str, Entry]] = MappingProxyType(
    {entry.cause.code: entry for entry in ENTRIES}
)
_BY_REASON: Final[Mapping[str, Entry]] = MappingProxyType(
    {reason: entry for entry in ENTRIES for reason in entry.cause.drop_reasons}
)
_UNKNOWN: Final = _BY_REASON["NOT_SPECIFIED"]

# Reasons newer than the catalogue, by the family that their names tell.
_FAMILIES: Final = (
    ("RX_DROP_", _BY_REASON["RX_DROP_UNUSABLE"]),
    ("OVS_DROP_", _BY_REASON["OVS_DROP_ACTION_ERROR"]),
    ("QDISC_", _BY_REASON["QDISC_DROP"]),
    ("FQ_", _BY_REASON["QDISC_DROP"]),
    ("NEIGH_", _BY_REASON["NEIGH_FAILED"]),
    ("VXLAN_", _BY_REASON["VXLAN_INVALID_HDR"]),
    ("TCP_", _BY_REASON["TCP_FLAGS"]),
)


def cause_by_code(code: str) -> Cause:
    """Give the cause of this code; KeyError if there is none."""
    return _ENTRY_BY_CODE[code].cause


def cause_of_drop_reason(name: str) -> Cause:
    """Give the cause that a drop reason means by itself; there always is one."""
    return _entry_of_drop_reason(name).cause


def entry_by_code(code: str) -> Entry:
    """Give the entry of the cause of this code; KeyError if there is none."""
    return _ENTRY_BY_CODE[code]


def entry_by_facts(loss: Loss) -> Entry | None:
    """Find what explains a loss beyond its drop reason; None if nothing does."""
    return next((entry for entry in BY_FACTS if entry.explains(loss)), None)


def entry_of(loss: Loss) -> Entry:
    """Find what explains a loss, by its facts or else by its drop reason."""
    entry = entry_by_facts(loss)
    if entry is not None:
        return entry
    return _entry_of_drop_reason(loss.drop_reason) if loss.place is Place.AT_VFD else _UNKNOWN


def _entry_of_drop_reason(name: str) -> Entry:
    """Look up a drop reason, also one of a kernel newer than we are."""
    name = name.removeprefix(PREFIX)
    known = _BY_REASON.get(name)
    if known is not None:
        return known
    return next((entry for prefix, entry in _FAMILIES if name.startswith(prefix)), _UNKNOWN)
