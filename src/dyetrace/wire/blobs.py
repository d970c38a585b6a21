"""Blobs of records: a versioned header and zstd-compressed fixed-size structs."""

import struct

import numpy as np
import zstandard

from dyetrace.errors import DyetraceError
from dyetrace.model.record import RECORD, RECORD_VERSION, RecordArray

MAGIC = b"DYER"
HEADER = struct.Struct("<4sHHI")  # magic, version, bytes a record, records
RECORDS_PER_BLOB = 500
LARGEST_BLOB = 100_000  # records; a larger count is a lie or another format


class BadBlob(DyetraceError):
    """Bytes that are no blob of records of a version we know."""


def pack(records: RecordArray) -> bytes:
    """Write records, shape (n,), as one blob."""
    header = HEADER.pack(MAGIC, RECORD_VERSION, RECORD.itemsize, len(records))
    return header + zstandard.compress(np.ascontiguousarray(records).tobytes(), 1)


def unpack(blob: bytes) -> RecordArray:
    """Read a blob; raises BadBlob whatever the bytes."""
    if len(blob) < HEADER.size:
        raise BadBlob("shorter than a blob's header")
    magic, version, size, count = HEADER.unpack_from(blob)
    if (magic, version, size) != (MAGIC, RECORD_VERSION, RECORD.itemsize):
        raise BadBlob(f"magic {magic!r}, version {version}, {size} bytes a record: not ours")
    if count > LARGEST_BLOB:
        raise BadBlob(f"claims to hold {count} records")
    try:
        data = zstandard.ZstdDecompressor().decompress(
            blob[HEADER.size :], max_output_size=count * size, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise BadBlob(f"cannot be decompressed: {error}") from error
    if len(data) != count * size:
        raise BadBlob(f"holds {len(data)} bytes, not {count} records")
    return np.frombuffer(data, dtype=RECORD)
