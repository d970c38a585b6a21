"""Make records of raw sightings: a batch of struct dye_sighting in, RECORD rows out."""

from collections.abc import Callable, Sequence
from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.headers import parse_headers
from dyetrace.model.packet import Encapsulation
from dyetrace.model.record import RECORD, Point, RecordArray

# What is read from the packet itself: the first fields of Headers, in its order.
_PARSED = np.dtype(
    [
        (name, RECORD[name])
        for name in (
            "digest",
            "src",
            "dst",
            "outer_src",
            "outer_dst",
            "vni",
            "tcp_seq",
            "payload_length",
            "src_port",
            "dst_port",
            "ip_id",
            "protocol",
            "ttl",
            "flags",
            "fragment_offset",
        )
    ]
)
_ROW = Struct("<Q16s16s16s16sIIIHHHBBBH")  # the same, packed: numpy takes 3 times as long
_ROW_FIELDS = len(_PARSED.names or ())
_UNPARSED = bytes(_ROW.size)

# What the kernel side has already put into fields of the same name.
_COPIED: Final = (
    "seen_ns",
    "call_site",
    "netns",
    "ifindex",
    "drop_reason",
    "queue_packets",
    "queue_bytes",
    "gso_size",
    "point",
    "dscp",
    "encapsulation",
)


def fill_records(
    sightings: npt.NDArray[np.void],
    *,
    host: int,
    task_ids_of: Callable[[int], Sequence[int]],
) -> tuple[RecordArray, int]:
    """Make records of sightings, and count those that could not be parsed.

    The sightings' dtype has dye.h's names. task_ids_of gives the tasks behind a
    bitmap of policies: a source sighting becomes one record for each of them,
    any other sighting (policies 0, or of policies already gone) one of task 0.
    Records keep the sightings' order.
    """
    parsed = _parse(sightings)
    is_known = (
        (parsed["digest"] != 0)
        & np.isin(sightings["point"], list(Point))
        & np.isin(sightings["encapsulation"], list(Encapsulation))
    )
    kept = sightings[is_known]
    records = np.zeros(len(kept), RECORD)
    for name in _COPIED:
        records[name] = kept[name]
    for name in _PARSED.names or ():
        records[name] = parsed[name][is_known]
    records["flags"] |= kept["flags"]
    records["host"] = host
    return _a_row_per_task(records, kept["policies"], task_ids_of), len(sightings) - len(kept)


def _parse(sightings: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Parse each sighting's head; a row of zeros where that fails."""
    rows = []
    heads = sightings["head"].tobytes()
    step = sightings.dtype["head"].itemsize
    columns = zip(
        range(0, len(heads), step),
        np.minimum(sightings["head_length"], step).tolist(),
        sightings["inner_offset"].tolist(),
        sightings["encapsulation"].tolist(),
        sightings["length"].tolist(),
        strict=True,
    )
    for at, size, inner_offset, encapsulation, length in columns:
        headers = parse_headers(
            heads[at : at + size],
            inner_offset=inner_offset,
            encapsulation=encapsulation,
            length=length,
        )
        rows.append(_ROW.pack(*headers[:_ROW_FIELDS]) if headers else _UNPARSED)
    return np.frombuffer(b"".join(rows), _PARSED)


def _a_row_per_task(
    records: RecordArray,
    policies: npt.NDArray[np.uint64],
    task_ids_of: Callable[[int], Sequence[int]],
) -> RecordArray:
    """Repeat a source sighting's record for each task that colored it."""
    if not policies.any():
        return records
    tasks_by_bitmap = {bits: task_ids_of(bits) or (0,) for bits in set(policies.tolist()) if bits}
    tasks = [tasks_by_bitmap.get(bits, (0,)) for bits in policies.tolist()]
    repeated = records.repeat([len(ids) for ids in tasks])
    repeated["task_id"] = [task_id for ids in tasks for task_id in ids]
    return repeated
