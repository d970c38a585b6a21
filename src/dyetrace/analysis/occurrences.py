"""Packets that look alike: which sightings belong to which of them.

The digest cannot tell apart packets of equal content, e.g. of a sender that
repeats one UDP payload over IPv6. Then the k-th sighting here is the k-th
sighting there, and the forest of records says which k.
"""

import numpy as np
import numpy.typing as npt

from dyetrace.analysis.columns import U64, combined, word_of, words_of
from dyetrace.analysis.forest import parents_of, trees
from dyetrace.model.record import RecordArray, record_of
from dyetrace.model.topology import Topology

UNPLACED = np.uint64(2**63)


def instances(records: RecordArray, topology: Topology) -> U64 | None:
    """Number the packets of each digest that several packets share.

    Returns (n,): 0 where a digest has one packet, 1, 2, ... for its packets
    else; None if no digest is shared.
    """
    words = words_of(records)
    digest = words[word_of("digest")]
    sources = np.flatnonzero(words[word_of("task_id")])
    sources = sources[_repeated(digest[sources])]
    if len(sources) == 0:
        return None
    moment = combined(words[word_of("seen_ns")][sources], words[word_of("host")][sources])
    sightings = np.unique(np.stack([digest[sources], moment]), axis=1)[0]
    shared = np.unique(sightings[1:][sightings[1:] == sightings[:-1]])
    if len(shared) == 0:
        return None
    instance = np.zeros(len(records), dtype=np.uint64)
    alike = np.flatnonzero(np.isin(digest, shared))
    alike = alike[np.argsort(digest[alike], kind="stable")]
    for rows in np.split(alike, np.flatnonzero(np.diff(digest[alike].astype(np.int64))) + 1):
        instance[rows] = _numbered(records[rows], topology)
    return instance


def _repeated(values: U64) -> npt.NDArray[np.bool_]:
    """Say which values occur more than once."""
    ordered = np.sort(values)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(values, again) if len(again) else np.zeros(len(values), dtype=bool)


def _numbered(records: RecordArray, topology: Topology) -> U64:
    """Number the packets among records of one digest; 0 never, UNPLACED for strays."""
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
