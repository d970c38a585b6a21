"""Which records are of the same packet, and which packets fared alike: all at once.

Two packets fared alike if they were seen at the same points with the same
facts: place, drop, TTL spent, outer header, whether translated. The features
of a record are hashed to 64 bits; a packet's signature is the sum over its
records, so it needs no order. Only one packet of each signature is then looked
at in detail, which is what makes millions of records a second possible.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dyetrace.analysis.columns import (
    I64,
    U64,
    Columns,
    Mask,
    chosen_of,
    combined,
    counts_of,
    low_digits,
    mask_of,
    mixed,
    order_by_digits,
    ranges,
    records_of,
    shift_of,
    starts_of,
    word_of,
)
from dyetrace.model.record import RecordArray

DIGEST, TASK, SEEN = word_of("digest"), word_of("task_id"), word_of("seen_ns")
HOST, DEVICE, PORTS = word_of("host"), word_of("ifindex"), word_of("src_port")
ADDRESSES = range(word_of("src"), word_of("dst") + 2)
OUTER = range(word_of("outer_src"), word_of("outer_dst") + 2)

KEY_DIGITS = 2  # of 16 bits: the packets of a batch rarely collide
FEATURE_DIGITS = 1  # a packet has few records


@dataclass(frozen=True)
class Arranged:
    """Records by packet, without those that came more than once.

    columns: (WORDS, n), as they came. order: (r,), which of them, those of one packet
    side by side, source records first, then by feature, then by time. start, count:
    (p,), one entry a packet. feature: (n,), what tells one kind of sighting from another.
    """

    columns: Columns
    order: I64
    start: I64
    count: I64
    feature: U64

    @cached_property
    def task(self) -> U64:
        """The task ids, in order: zero but for source records."""
        task: U64 = self.columns[TASK][self.order]
        return task

    @cached_property
    def sources(self) -> I64:
        """How many source records each packet has."""
        if len(self.start) == 0:
            return np.zeros(0, dtype=np.int64)
        return np.add.reduceat(self.task != 0, self.start, dtype=np.int64)

    def of(self, chosen: Mask) -> "Arranged":
        """Keep these packets."""
        if chosen.all():
            return self
        count = self.count[chosen]
        rows = ranges(self.start[chosen], count)
        start = np.cumsum(count) - count
        return Arranged(self.columns, self.order[rows], start, count, self.feature)

    def written(self) -> Columns:
        """Write the records out in order."""
        return chosen_of(self.columns, self.order)


@dataclass(frozen=True)
class Packets:
    """Packets that each have a source record, and what they have in common.

    columns: (WORDS, n), as they came. order: (r,), start, count: (p,), as in Arranged, but of
    several source records only the first. signature: (p,). task, member: (m,), which
    task's packet each source record made it: a packet colored for several tasks has several.
    """

    columns: Columns
    order: I64
    start: I64
    count: I64
    signature: U64
    task: U64
    member: I64

    @cached_property
    def source(self) -> I64:
        """Where in columns each packet's source record is; shape (p,)."""
        first: I64 = self.order[self.start]
        return first

    def rows_of(self, packet: int) -> RecordArray:
        """Give one packet's records."""
        start, count = self.start[packet], self.count[packet]
        return records_of(self.columns[:, self.order[start : start + count]])


def arrange(columns: Columns, key: U64 | None = None) -> Arranged:
    """Sort records by packet, which key names (the digest where it is not given)."""
    key = columns[DIGEST] if key is None else key
    is_source = columns[TASK] != 0
    feature = _features(columns) | np.uint64(1)
    feature[is_source] = 0
    order = _order(key, feature, columns)
    keys = key[order]
    differs = keys[1:] != keys[:-1]
    repeats = _repeats(columns, order, differs, feature)
    if len(repeats):
        order = np.delete(order, repeats)
        keys = key[order]
        differs = keys[1:] != keys[:-1]
    start = starts_of(differs) if len(order) else np.zeros(0, dtype=np.int64)
    return Arranged(columns, order, start, counts_of(start, len(order)), feature)


def packets_of(arranged: Arranged) -> Packets:
    """Say of packets, each with a source record, which fared alike."""
    order, start, count = arranged.order, arranged.start, arranged.count
    sources = np.flatnonzero(arranged.task)
    task = arranged.task[sources]
    if len(sources) == len(start):
        member = np.arange(len(start))
    else:
        member = np.searchsorted(start, sources, side="right") - 1
        stays = arranged.task == 0
        stays[start] = True
        order = order[stays]
        count = count - arranged.sources + 1
        start = np.cumsum(count) - count
    columns = arranged.columns
    told = mixed(arranged.feature[order] + _changes(columns, order, start, count))
    signature = np.add.reduceat(told, start) if len(start) else np.zeros(0, dtype=np.uint64)
    signature += _place(columns[HOST][order[start]], columns[DEVICE][order[start]])
    return Packets(columns, order, start, count, signature, task, member)


def _order(key: U64, feature: U64, columns: Columns) -> I64:
    """Put equal keys side by side, and order those by feature, then by time.

    Only runs in which the sorted bits leave something open are sorted by all that tells
    two sightings apart: records alike at one point, or keys of which much is equal.
    """
    order = order_by_digits(key, KEY_DIGITS, order_by_digits(feature, FEATURE_DIGITS))
    if len(order) == 0:
        return order
    keys, features = key[order], low_digits(feature[order], FEATURE_DIGITS)
    cut = low_digits(keys, KEY_DIGITS)
    together = cut[1:] == cut[:-1]
    is_open = together & ((features[1:] == features[:-1]) | (keys[1:] != keys[:-1]))
    where = np.flatnonzero(is_open)
    if len(where) == 0:
        return order
    start = starts_of(~together)
    runs = np.unique(np.searchsorted(start, where, side="right") - 1)
    count = counts_of(start, len(order))[runs]
    rows = ranges(start[runs], count)
    chosen = order[rows]
    exact = (
        columns[DEVICE][chosen],
        columns[HOST][chosen],
        columns[TASK][chosen],
        columns[SEEN][chosen],
        feature[chosen],
        features[rows],  # before the whole feature: as in all other runs
        key[chosen],
        np.repeat(runs, count),
    )
    order[rows] = chosen[np.lexsort(exact)]
    return order


def _repeats(columns: Columns, order: I64, differs: Mask, feature: U64) -> I64:
    """Which of the ordered records tell the same sighting as the one before, for the same task."""
    features = feature[order]
    maybe = np.flatnonzero(~differs & (features[1:] == features[:-1]))
    first, second = order[maybe], order[maybe + 1]
    same = np.ones(len(maybe), dtype=bool)
    for word, mask in (
        (SEEN, ~np.uint64(0)),
        (TASK, ~np.uint64(0)),
        (HOST, ~np.uint64(0)),
        (DEVICE, mask_of("ifindex")),
        (word_of("point"), mask_of("point")),
    ):
        same &= (columns[word][first] ^ columns[word][second]) & mask == 0
    repeats: I64 = maybe[same] + 1
    return repeats


def _features(columns: Columns) -> U64:
    """Hash what tells one kind of sighting from another; shape (n,)."""
    feature = _place(columns[HOST], columns[DEVICE])
    last = columns[word_of("point")]
    feature = combined(feature, last & mask_of("point", "encapsulation"))
    reason = columns[word_of("drop_reason")] & mask_of("drop_reason")
    site = columns[word_of("call_site")]
    dropped = np.flatnonzero((site | reason) != 0)
    feature[dropped] = combined(combined(feature[dropped], site[dropped]), reason[dropped])
    encapsulated = np.flatnonzero(last & mask_of("encapsulation"))
    tail = feature[encapsulated]
    for word in OUTER:
        tail = combined(tail, columns[word][encapsulated])
    vni = columns[word_of("vni")][encapsulated] & mask_of("vni")
    feature[encapsulated] = combined(tail, vni)
    return feature


def _place(host: U64, device: U64) -> U64:
    """Hash host, namespace and interface."""
    return combined(host, device & mask_of("ifindex"))


def _changes(columns: Columns, order: I64, start: I64, count: I64) -> U64:
    """Say per record whether addresses or ports differ from the source's, and the TTL spent."""

    def ordered(word: int) -> tuple[U64, U64]:
        """A word of each record, and of its packet's source record."""
        found = columns[word][order]
        return found, np.repeat(found[start], count)

    differs = np.zeros(len(order), dtype=np.uint64)
    for word in ADDRESSES:
        here, there = ordered(word)
        differs |= here ^ there
    here, there = ordered(PORTS)
    differs |= (here ^ there) & mask_of("src_port", "dst_port")
    here, there = ordered(word_of("ttl"))
    spent = ((there & mask_of("ttl")) - (here & mask_of("ttl"))) >> shift_of("ttl")
    changes: U64 = (spent << np.uint64(1)) | (differs != 0)
    return changes
