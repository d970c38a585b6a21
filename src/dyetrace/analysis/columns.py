"""Records as columns of 64-bit words: the form that numpy works on fast."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from dyetrace.model.record import RECORD, RecordArray

U64 = npt.NDArray[np.uint64]
I64 = npt.NDArray[np.int64]

WORDS = RECORD.itemsize // 8
MULTIPLIERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""Odd constants of the splitmix64 generator (Steele, Lea, Flood 2014)."""

DIGIT = np.uint64(16)
"""Bits that numpy's radix sort takes at once: the widest numbers that it sorts in linear time."""


def word_of(field: str) -> int:
    """Which 64-bit word of a record holds a field."""
    return int(RECORD.fields[field][1]) // 8  # type: ignore[index] # RECORD has fields


def words_of(records: RecordArray) -> U64:
    """View records as words, shape (WORDS, n): a row of the result is one word of all."""
    return np.ascontiguousarray(records).view("<u8").reshape(-1, WORDS).T


def mask_of(*fields: str) -> np.uint64:
    """The bits that these fields, which share one word, have in it."""
    bits = 0
    for field in fields:
        dtype, offset = RECORD.fields[field][:2]  # type: ignore[index] # RECORD has fields
        bits |= ((1 << 8 * dtype.itemsize) - 1) << 8 * (offset % 8)
    return np.uint64(bits)


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


def order_by_digits(values: U64, digits: int) -> I64:
    """Order rows by the lowest 16-bit digits of their values; equal ones keep their order.

    For hashes, of which few digits tell nearly all apart: several times as
    fast as sorting by all bits.
    """
    order = np.argsort(values.astype(np.uint16), kind="stable")
    for place in range(1, digits):
        digit = (values >> (DIGIT * np.uint64(place))).astype(np.uint16)
        order = order[np.argsort(digit[order], kind="stable")]
    return order


def low_digits(values: U64, digits: int) -> U64:
    """Cut values to the digits that order_by_digits looks at."""
    bits: U64 = values & np.uint64((1 << int(DIGIT) * digits) - 1)
    return bits


def joined(arrays: Sequence[RecordArray]) -> RecordArray:
    """Put arrays of records one after another; as bytes, for numpy else compares all fields."""
    octets = [np.ascontiguousarray(array).view(np.uint8) for array in arrays]
    return np.concatenate(octets).view(RECORD) if octets else np.zeros(0, dtype=RECORD)
