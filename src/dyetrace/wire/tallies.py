"""Tallies and partitions' states as bytes: how analyzers keep them, and controllers get them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import msgspec
import numpy as np
import zstandard

from dyetrace.analysis.partition import State
from dyetrace.analysis.tally import Delays, Flows, Kinds, Tally, nothing
from dyetrace.errors import DyetraceError
from dyetrace.model.record import RECORD_VERSION

VERSION = 2
LEVEL = 1
LARGEST = 1 << 30  # bytes, unpacked
LARGEST_PIECE = 8_000_000  # bytes, packed: what a server of the log takes as one message
Names = Mapping[tuple[int, int], str]
"""What a number means on a host."""


class BadTally(DyetraceError):
    """Bytes that are no tally of a version we know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What one partition knows of one task; it replaces what it knew before.

    revision: the log's time up to which it is known. is_whole: whether it is all that has been
    read; is_settled: and all of packets that are over.
    """

    task: int
    partition: int
    revision: int
    is_settled: bool
    is_whole: bool = True
    tally: Tally
    late: int = 0
    drop_names: Names = field(default_factory=dict)
    symbols: Names = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that an analyzer keeps of one partition: where it was in each region, and what it knew.

    accounts: by region; host, session, what follows, what is missing, when last touched.
    midway: regions whose log was not read from its beginning. unsettled: tasks of which it was
    told that there is more to come.
    """

    offsets: Mapping[str, int]
    state: State
    accounts: Mapping[str, list[tuple[int, int, int, list[tuple[int, int]], int]]]
    midway: list[str] = field(default_factory=list)
    unsettled: list[int] = field(default_factory=list)
    drop_names: Names = field(default_factory=dict)
    symbols: Names = field(default_factory=dict)


def pack_piece(piece: Piece) -> bytes:
    """Write a piece; one that is too large for a message is told to be more than that."""
    packed = _packed_piece(piece)
    if len(packed) > LARGEST_PIECE:
        packed = _packed_piece(replace(piece, tally=nothing(), is_whole=False))
    return packed


def _packed_piece(piece: Piece) -> bytes:
    return _packed(
        {
            "task": piece.task,
            "partition": piece.partition,
            "revision": piece.revision,
            "is_settled": piece.is_settled,
            "is_whole": piece.is_whole,
            "tally": _plain(piece.tally),
            "late": piece.late,
            "drop_names": _names(piece.drop_names),
            "symbols": _names(piece.symbols),
        }
    )


def unpack_piece(data: bytes) -> Piece:
    """Read a piece; raises BadTally."""
    found = _unpacked(data)
    try:
        return Piece(
            task=found["task"],
            partition=found["partition"],
            revision=found["revision"],
            is_settled=found["is_settled"],
            is_whole=found["is_whole"],
            tally=_tally(found["tally"]),
            late=found["late"],
            drop_names=_named(found["drop_names"]),
            symbols=_named(found["symbols"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadTally(f"not a piece: {error!r}") from error


def pack_kept(kept: Kept) -> bytes:
    """Write what is kept of a partition."""
    state = kept.state
    return _packed(
        {
            "offsets": dict(kept.offsets),
            "slices": [(at_ns, _array(columns)) for at_ns, columns in state.slices],
            "unended": [(at_ns, _array(columns)) for at_ns, columns in state.unended],
            "memory": [(at_ns, _array(names)) for at_ns, names in state.memory],
            "tally": _plain(state.tally),
            "strangers": [
                (at_ns, _array(open_), _array(covering))
                for at_ns, open_, covering in state.strangers
            ],
            "late": state.late,
            "touched_ns": state.touched_ns,
            "accounts": dict(kept.accounts),
            "midway": kept.midway,
            "unsettled": kept.unsettled,
            "drop_names": _names(kept.drop_names),
            "symbols": _names(kept.symbols),
        }
    )


def unpack_kept(data: bytes) -> Kept:
    """Read what was kept; raises BadTally."""
    found = _unpacked(data)
    try:
        return Kept(
            offsets=found["offsets"],
            state=State(
                slices=[(at_ns, _read(columns)) for at_ns, columns in found["slices"]],
                unended=[(at_ns, _read(columns)) for at_ns, columns in found["unended"]],
                memory=[(at_ns, _read(names)) for at_ns, names in found["memory"]],
                tally=_tally(found["tally"]),
                strangers=[
                    (at_ns, _read(open_), _read(covering))
                    for at_ns, open_, covering in found["strangers"]
                ],
                late=found["late"],
                touched_ns=found["touched_ns"],
            ),
            accounts=found["accounts"],
            midway=found["midway"],
            unsettled=found["unsettled"],
            drop_names=_named(found["drop_names"]),
            symbols=_named(found["symbols"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadTally(f"not a partition's state: {error!r}") from error


def _packed(content: dict[str, Any]) -> bytes:
    content |= {"version": VERSION, "record": RECORD_VERSION}
    return zstandard.compress(_encoder().encode(content), LEVEL)


def _unpacked(data: bytes) -> dict[str, Any]:
    try:
        size = zstandard.frame_content_size(data)
        if not 0 <= size <= LARGEST:
            raise BadTally(f"claims to be {size} bytes long")
        found = _decoder().decode(zstandard.decompress(data))
    except (zstandard.ZstdError, msgspec.DecodeError) as error:
        raise BadTally(str(error)) from error
    if (found.get("version"), found.get("record")) != (VERSION, RECORD_VERSION):
        raise BadTally(f"version {found.get('version')}: not ours")
    return found


def _plain(tally: Tally) -> dict[str, Any]:
    """Turn a tally into plain values; arrays as their type, shape and bytes."""
    return {
        "kinds": _fields(tally.kinds),
        "delays": _fields(tally.delays),
        "flows": _fields(tally.flows),
        "open": _array(tally.open),
        "covering": _array(tally.covering),
        "strays": tally.strays,
    }


def _fields(arrays: Kinds | Delays | Flows) -> dict[str, Any]:
    return {each.name: _array(getattr(arrays, each.name)) for each in fields(arrays)}


def _array(array: np.ndarray) -> tuple[str, list[int], bytes]:
    return array.dtype.str, list(array.shape), np.ascontiguousarray(array).tobytes()


def _tally(found: dict[str, Any]) -> Tally:
    return Tally(
        kinds=Kinds(**{name: _read(array) for name, array in found["kinds"].items()}),
        delays=Delays(**{name: _read(array) for name, array in found["delays"].items()}),
        flows=Flows(**{name: _read(array) for name, array in found["flows"].items()}),
        open=_read(found["open"]),
        covering=_read(found["covering"]),
        strays=found["strays"],
    )


def _read(array: tuple[str, list[int], bytes]) -> np.ndarray:
    kind, shape, data = array
    return np.frombuffer(data, dtype=kind).reshape(shape).copy()


def _names(names: Names) -> list[tuple[int, int, str]]:
    return [(host, number, text) for (host, number), text in names.items()]


def _named(found: list[tuple[int, int, str]]) -> Names:
    return {(host, number): text for host, number, text in found}


@cache
def _encoder() -> msgspec.msgpack.Encoder:
    return msgspec.msgpack.Encoder()


@cache
def _decoder() -> msgspec.msgpack.Decoder[dict[str, Any]]:
    return msgspec.msgpack.Decoder(dict[str, Any], strict=False)
