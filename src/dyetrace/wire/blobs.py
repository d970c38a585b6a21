"""Blobs of records: a versioned header and zstd-compressed fixed-size structs, by column.

First the first 64-bit word of every record, then the second of every record, and so on:
what is alike in neighbouring records lies side by side, so it packs smaller and unpacks
faster, and it is the form that the analysis works on.
"""

import struct
import threading

import numpy as np
import zstandard

from dyetrace.analysis.columns import WORDS, Columns, columns_of, records_of
from dyetrace.errors import DyetraceError
from dyetrace.model.record import RECORD, RECORD_VERSION, RecordArray

MAGIC = b"DYEC"
LEVEL = 1  # of zstd; higher ones take longer to pack and save little
HEADER = struct.Struct("<4sHHI")  # magic, version, bytes a record, records
RECORDS_PER_BLOB = 500
LARGEST_BLOB = 100_000  # records; a larger count is a lie or another format

_of_thread = threading.local()


class BadBlob(DyetraceError):
    """Bytes that are no blob of records of a version we know."""


def pack(records: RecordArray) -> bytes:
    """Write records, shape (n,), as one blob."""
    header = HEADER.pack(MAGIC, RECORD_VERSION, RECORD.itemsize, len(records))
    return header + zstandard.compress(columns_of(records).tobytes(), LEVEL)


def unpack(blob: bytes) -> RecordArray:
    """Read a blob as rows; raises BadBlob whatever the bytes."""
    return records_of(unpack_columns(blob))


def unpack_columns(blob: bytes) -> Columns:
    """Read a blob as it is, by column; raises BadBlob whatever the bytes."""
    if len(blob) < HEADER.size:
        raise BadBlob("shorter than a blob's header")
    magic, version, size, count = HEADER.unpack_from(blob)
    if (magic, version, size) != (MAGIC, RECORD_VERSION, RECORD.itemsize):
        raise BadBlob(f"magic {magic!r}, version {version}, {size} bytes a record: not ours")
    if count > LARGEST_BLOB:
        raise BadBlob(f"claims to hold {count} records")
    packed = memoryview(blob)[HEADER.size :]
    try:
        if zstandard.frame_content_size(packed) not in {count * size, -1}:
            raise BadBlob(f"does not hold {count} records")
        data = _decompressor().decompress(
            packed, max_output_size=count * size, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise BadBlob(f"cannot be decompressed: {error}") from error
    if len(data) != count * size:
        raise BadBlob(f"holds {len(data)} bytes, not {count} records")
    return np.frombuffer(data, dtype="<u8").reshape(WORDS, count)


def _decompressor() -> zstandard.ZstdDecompressor:
    """One a thread: to make one takes a fifth of the time of reading a blob."""
    if not hasattr(_of_thread, "decompressor"):
        _of_thread.decompressor = zstandard.ZstdDecompressor()
    decompressor: zstandard.ZstdDecompressor = _of_thread.decompressor
    return decompressor
