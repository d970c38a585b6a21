"""Build raw sightings, as struct dye_sighting of dye.h lays them out."""

import numpy as np
import numpy.typing as npt

SIGHTING = np.dtype(
    [
        ("seen_ns", "<u8"),
        ("policies", "<u8"),
        ("call_site", "<u8"),
        ("netns", "<u4"),
        ("ifindex", "<u4"),
        ("length", "<u4"),
        ("drop_reason", "<u4"),
        ("queue_packets", "<u4"),
        ("queue_bytes", "<u4"),
        ("gso_size", "<u2"),
        ("inner_offset", "<u2"),
        ("head_length", "<u2"),
        ("point", "u1"),
        ("dscp", "u1"),
        ("encapsulation", "u1"),
        ("flags", "u1"),
        ("pad", "V6"),
        ("head", "u1", (256,)),
    ]
)


def sightings_of(*heads: bytes, **fields: int) -> npt.NDArray[np.void]:
    """Make one sighting of each head; fields hold for all of them."""
    rows = np.zeros(len(heads), SIGHTING)
    rows["point"] = 1
    for row, head in zip(rows, heads, strict=True):
        kept = head[: SIGHTING["head"].itemsize]
        row["head"][: len(kept)] = np.frombuffer(kept, "u1")
        row["head_length"] = len(kept)
        row["length"] = len(head)
    for name, value in fields.items():
        rows[name] = value
    return rows
