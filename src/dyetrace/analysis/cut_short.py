"""Drops whose payload could not be read, and so have another digest than their packets.

At a drop only the linear part of a packet can be read. What TCP sends from this very
machine has its payload elsewhere, so the digest of its drop lacks it. All else that
names a TCP segment, or an IPv4 packet with an id, is there.
"""

import numpy as np
import numpy.typing as npt

from dyetrace.model.packet import Protocol
from dyetrace.model.record import Point, RecordArray, RecordFlag

NAMING = ("host", "protocol", "tcp_seq", "ip_id", "payload_length")


def with_known_digests(records: RecordArray) -> RecordArray:
    """Give such drops the digest of the one packet on their host that they can have been."""
    is_cut_short = (records["flags"] & RecordFlag.TRUNCATED) != 0
    can_be_named = (records["protocol"] == Protocol.TCP) | (records["ip_id"] != 0)
    wanting = np.flatnonzero(is_cut_short & can_be_named & (records["point"] == Point.DROP))
    if len(wanting) == 0:
        return records
    may_be_one = ~is_cut_short & np.isin(records["tcp_seq"], records["tcp_seq"][wanting])
    digests = _digests_by_name(records[may_be_one])
    renamed = records.copy()
    for row, name in zip(wanting, _names(records[wanting]), strict=True):
        known = digests.get(name, set())
        if len(known) == 1:
            renamed["digest"][row] = next(iter(known))
    return renamed


def _digests_by_name(records: RecordArray) -> dict[tuple[int, ...], set[int]]:
    found: dict[tuple[int, ...], set[int]] = {}
    for name, digest in zip(_names(records), records["digest"].tolist(), strict=True):
        found.setdefault(name, set()).add(digest)
    return found


def _names(records: RecordArray) -> list[tuple[int, ...]]:
    columns: list[npt.NDArray[np.int64]] = [records[each].astype(np.int64) for each in NAMING]
    return list(zip(*(column.tolist() for column in columns), strict=True))
