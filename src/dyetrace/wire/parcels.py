"""Parcels: how shipments travel through a log that others share.

A parcel is one blob of one partition, with the names of its drops and numbers by which
a reader sees what is missing or came twice.
"""

import struct
from dataclasses import dataclass, field
from functools import cache

import msgspec

from dyetrace.analysis.columns import Columns
from dyetrace.errors import DyetraceError
from dyetrace.wire import blobs

MAGIC = b"DYEP"
VERSION = 1
FRAME = struct.Struct("<4sHI")  # magic, version, bytes of the header that follows


class BadParcel(DyetraceError):
    """Bytes that are no parcel of a version we know."""


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What a parcel says before its records; fields may only be added at the end."""

    host: int  # Host.number
    session: int  # one run of an agent: its numbers begin anew
    partition: int
    before: int  # records that the session sent to this partition before these
    records: int
    drop_names: dict[int, str] = {}
    symbols: dict[int, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A parcel, opened."""

    header: Header
    columns: Columns = field(repr=False)


def pack(header: Header, blob: bytes) -> bytes:
    """Write a parcel."""
    packed = _encoder().encode(header)
    return FRAME.pack(MAGIC, VERSION, len(packed)) + packed + blob


def unpack(data: bytes) -> Parcel:
    """Read a parcel; raises BadParcel whatever the bytes."""
    if len(data) < FRAME.size:
        raise BadParcel("shorter than a parcel's frame")
    magic, version, size = FRAME.unpack_from(data)
    if (magic, version) != (MAGIC, VERSION):
        raise BadParcel(f"magic {magic!r}, version {version}: not ours")
    try:
        header = _decoder().decode(data[FRAME.size : FRAME.size + size])
        columns = blobs.unpack_columns(data[FRAME.size + size :])
    except (msgspec.DecodeError, blobs.BadBlob) as error:
        raise BadParcel(str(error)) from error
    if columns.shape[1] != header.records:
        raise BadParcel(f"holds {columns.shape[1]} records, and says {header.records}")
    return Parcel(header=header, columns=columns)


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[Header]:
    return msgspec.msgpack.Decoder(Header)
