"""How far an analyzer has read a partition, as bytes: what it tells beside its pieces of tasks."""

from functools import cache

import msgspec

from dyetrace.errors import DyetraceError

PROGRESS = (1 << 64) - 1
"""In a task's place where pieces are kept; no task has this number."""


class BadProgress(DyetraceError):
    """Bytes that do not say how far a partition was read."""


class Progress(msgspec.Struct, frozen=True, array_like=True):
    """One partition's; fields may only be added at the end.

    All pieces of tasks that were told before it are of these offsets, or later ones.
    """

    partition: int
    partitions: int  # that the log has, as its analyzers were told
    revision: int  # the log's time up to which packets are over
    offsets: dict[str, int]  # the last entry that was read, by region
    lost: dict[int, int] = {}  # records that are missing since the log's beginning, by host
    waits_s: float = 0.0  # for a packet's records, before it is counted without them


def pack(progress: Progress) -> bytes:
    """Write it."""
    return _encoder().encode(progress)


def unpack(data: bytes) -> Progress:
    """Read it; raises BadProgress whatever the bytes."""
    try:
        return _decoder().decode(data)
    except msgspec.DecodeError as error:
        raise BadProgress(str(error)) from error


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[Progress]:
    return msgspec.msgpack.Decoder(Progress)
