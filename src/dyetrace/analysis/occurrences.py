"""Packets that look alike: which sightings belong to which of them.

The digest cannot tell apart packets of equal content, e.g. of a sender that
repeats one UDP payload over IPv6. Then the k-th sighting here is the k-th
sighting there, and the forest of records says which k.
"""

import numpy as np

from dyetrace.analysis.columns import U64, Mask, combined, mask_of, ranges, records_of
from dyetrace.analysis.forest import parents_of, trees
from dyetrace.analysis.packets import DEVICE, DIGEST, HOST, SEEN, Arranged
from dyetrace.model.record import RecordArray, record_of
from dyetrace.model.topology import Topology

UNPLACED = np.uint64(2**63)


def is_shared(arranged: Arranged) -> Mask:
    """Say which of these digests several packets share: they were colored at several moments."""
    shared = np.zeros(len(arranged.start), dtype=bool)
    several = np.flatnonzero(arranged.sources > 1)
    count = arranged.sources[several] - 1
    rows = ranges(arranged.start[several], count)
    columns = arranged.columns
    first, second = arranged.order[rows], arranged.order[rows + 1]
    differs = (columns[SEEN][first] != columns[SEEN][second]) | (
        columns[HOST][first] != columns[HOST][second]
    )
    differs |= (columns[DEVICE][first] ^ columns[DEVICE][second]) & mask_of("ifindex") != 0
    shared[np.repeat(several, count)[differs]] = True
    return shared


def keys_by_packet(arranged: Arranged, topology: Topology) -> U64 | None:
    """Name the packet of each record where its digest does not; None if all digests do.

    Returns (n,), beside arranged.columns.
    """
    shared = np.flatnonzero(is_shared(arranged))
    if len(shared) == 0:
        return None
    key: U64 = arranged.columns[DIGEST].copy()
    for start, count in zip(arranged.start[shared], arranged.count[shared], strict=True):
        rows = arranged.order[start : start + count]
        number = _numbered(records_of(arranged.columns[:, rows]), topology)
        key[rows] = combined(key[rows], number)
    return key


def _numbered(records: RecordArray, topology: Topology) -> U64:
    """Number the packets among records of one digest; UNPLACED for strays."""
    readable = [record_of(row) for row in records]
    stands_for: dict[tuple[int, tuple[int, int, int]], int] = {}
    distinct = []  # a packet colored for several tasks has one source record for each
    for index, record in enumerate(readable):
        if (
            record.is_source
            and stands_for.setdefault((record.seen_ns, record.port_key), index) != index
        ):
            continue
        distinct.append(index)
    chosen = [readable[index] for index in distinct]
    number = np.full(len(records), UNPLACED, dtype=np.uint64)
    for count, tree in enumerate(trees(chosen, parents_of(chosen, topology)), start=1):
        number[[distinct[index] for index in tree]] = count
    for index, record in enumerate(readable):
        if record.is_source:
            number[index] = number[stands_for[record.seen_ns, record.port_key]]
    return number
