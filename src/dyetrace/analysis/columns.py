"""Records by column: the form that numpy works on fast.

A record is WORDS 64-bit words; Columns has a row for each word of all records, so
that what looks at a few fields reads only those.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dyetrace.model.record import RECORD, RecordArray

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Columns = U64
"""Shape (WORDS, n), each row contiguous: records by column."""

WORDS = RECORD.itemsize // 8
MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""Odd constants of the splitmix64 generator (Steele, Lea, Flood 2014)."""

DIGIT = np.uint64(16)
"""Bits that numpy's radix sort takes at once: the widest numbers that it sorts in linear time."""


def word_of(field: str) -> int:
    """Which 64-bit word of a record holds a field."""
    return int(RECORD.fields[field][1]) // 8  # type: ignore[index] # RECORD has fields


def shift_of(field: str) -> np.uint64:
    """How far above its word's lowest bit a field begins."""
    return np.uint64(8 * (int(RECORD.fields[field][1]) % 8))  # type: ignore[index] # as above


def mask_of(*fields: str) -> np.uint64:
    """The bits that these fields, which share one word, have in it."""
    bits = 0
    for field in fields:
        dtype, offset = RECORD.fields[field][:2]  # type: ignore[index] # RECORD has fields
        bits |= ((1 << 8 * dtype.itemsize) - 1) << 8 * (offset % 8)
    return np.uint64(bits)


def field_of(columns: Columns, field: str) -> U64:
    """Cut a field of at most 64 bits out of its word."""
    cut: U64 = (columns[word_of(field)] & mask_of(field)) >> shift_of(field)
    return cut


def columns_of(records: RecordArray) -> Columns:
    """Turn rows into columns; a copy."""
    words = np.ascontiguousarray(records).view("<u8").reshape(-1, WORDS)
    return np.ascontiguousarray(words.T)


def records_of(columns: Columns) -> RecordArray:
    """Turn columns into rows; a copy."""
    return np.ascontiguousarray(columns.T).view(RECORD).reshape(-1)


def no_columns() -> Columns:
    """Give no records."""
    return np.zeros((WORDS, 0), dtype=np.uint64)


def joined(parts: Sequence[Columns]) -> Columns:
    """Put records after one another; no copy of a single part."""
    if len(parts) == 1:
        return parts[0]
    return np.concatenate(parts, axis=1) if parts else no_columns()


def joined_records(arrays: Sequence[RecordArray]) -> RecordArray:
    """Put rows after one another; as bytes, for numpy else compares all fields."""
    octets = [np.ascontiguousarray(array).view(np.uint8) for array in arrays]
    return np.concatenate(octets).view(RECORD) if octets else np.zeros(0, dtype=RECORD)


def chosen_of(columns: Columns, rows: I64 | Mask) -> Columns:
    """Copy these records, by number or by mask; several times as fast as columns[:, rows]."""
    numbers = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
    copy = np.empty((len(columns), len(numbers)), dtype=columns.dtype)
    for word, into in zip(columns, copy, strict=True):
        word.take(numbers, out=into, mode="clip")  # else it would copy once more, to be safe
    return copy


def mixed(word: U64) -> U64:
    """Spread a word's bits over all 64 (splitmix64's finalizer); a new array."""
    word = word ^ (word >> np.uint64(30))
    word *= np.uint64(MULTIPLIERS[1])
    word ^= word >> np.uint64(27)
    word *= np.uint64(MULTIPLIERS[2])
    word ^= word >> np.uint64(31)
    return word


def combined(seed: U64, word: U64) -> U64:
    """Fold another word into a hash; a new array."""
    return mixed(seed * np.uint64(MULTIPLIERS[0]) + word)


def order_by_digits(values: U64, digits: int, order: I64 | None = None) -> I64:
    """Order rows by the lowest 16-bit digits of their values; equal ones keep their order.

    order: the order they have so far. Several times as fast as sorting by all bits, for
    numpy sorts 16 bits in linear time; of hashes few digits tell nearly all apart.
    """
    if order is None:
        order = np.arange(len(values))
    for place in range(digits):
        digit = (values >> (DIGIT * np.uint64(place))).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def low_digits(values: U64, digits: int) -> U64:
    """Cut values to the digits that order_by_digits looks at."""
    bits: U64 = values & np.uint64((1 << int(DIGIT) * digits) - 1)
    return bits


def starts_of(differs: Mask) -> I64:
    """Where runs begin, given for each row but the first whether it differs from the one before."""
    return np.flatnonzero(np.concatenate([[True], differs]))


def counts_of(start: I64, total: int) -> I64:
    """How long runs are."""
    return np.diff(start, append=total)


def ranges(start: I64, count: I64) -> I64:
    """Write out runs: start[0], start[0] + 1, ..., start[1], ...; shape (count.sum(),)."""
    if len(start) == 0:
        return np.zeros(0, dtype=np.int64)
    first = np.cumsum(count) - count
    written: I64 = np.arange(int(count.sum())) + np.repeat(start - first, count)
    return written
