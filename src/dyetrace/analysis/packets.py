"""Which records are of the same packet, and which packets fared alike: all at once.

Two packets fared alike if they were seen at the same points with the same
facts: place, drop, TTL spent, outer header, whether translated. The features
of a record are hashed to 64 bits; a packet's signature is the sum over its
records, so it needs no order. Only one packet of each signature is then looked
at in detail, which is what makes millions of records a second possible.
"""

from dataclasses import dataclass

import numpy as np

from dyetrace.analysis.columns import (
    I64,
    U64,
    combined,
    low_digits,
    mask_of,
    mixed,
    order_by_digits,
    word_of,
    words_of,
)
from dyetrace.model.record import RecordArray

KEY_DIGITS = 3  # of 16 bits: a million packets rarely collide
FEATURE_DIGITS = 1  # a packet has few records


@dataclass(frozen=True, slots=True)
class Packets:
    """Records sorted by packet.

    records: (n,) RECORD, those of one packet side by side, its source record
    first, in an order that is the same for all packets of one signature.
    start, count, signature: (p,), one entry a packet.
    task, member: (m,), which task's packet each source record made it: a packet
    colored for several tasks has several.
    """

    records: RecordArray
    start: I64
    count: I64
    signature: U64
    task: U64
    member: I64


def group(records: RecordArray, instance: U64 | None = None) -> Packets:
    """Sort records into packets; those without a source record are left out.

    instance: (n,), tells packets of the same digest apart (0 where there is
    but one).
    """
    words = words_of(records)
    key = words[word_of("digest")]
    if instance is not None:
        key = np.where(instance == 0, key, combined(key, instance))
    is_source = words[word_of("task_id")] != 0
    feature = np.where(is_source, np.uint64(0), _features(words) | np.uint64(1))
    order = _order(key, feature, words[word_of("seen_ns")])
    start, count = _runs(key[order])
    sourced = is_source[order[start]]
    if not sourced.all():
        order = order[np.repeat(sourced, count)]
        start, count = _runs(key[order])
    member = np.repeat(np.arange(len(start)), count)
    sources = is_source[order]
    task, member_of_task = words[word_of("task_id")][order[sources]], member[sources]
    if len(task) > len(start):  # of several source records of one packet the first stands for all
        stays = ~sources
        stays[start] = True
        order = order[stays]
        start, count = _runs(member[stays])
    records = records.take(order)
    told = mixed(feature[order] + _changes(words_of(records), start, count))
    signature = np.add.reduceat(told, start) if len(start) else np.zeros(0, dtype=np.uint64)
    return Packets(
        records=records,
        start=start,
        count=count,
        signature=signature + _place(words_of(records[start])),
        task=task,
        member=member_of_task,
    )


def _order(key: U64, feature: U64, seen_ns: U64) -> I64:
    """Put equal keys side by side, and order those by feature, then by time.

    Sorts by a few digits of key and feature, and then by all of them where that
    leaves something open: records alike at one point, or digits that collide.
    """
    order = order_by_digits(feature, FEATURE_DIGITS)
    order = order[order_by_digits(key[order], KEY_DIGITS)]
    keys, cut = key[order], low_digits(key[order], KEY_DIGITS)
    features = low_digits(feature[order], FEATURE_DIGITS)
    together = cut[1:] == cut[:-1]
    is_open = together & ((keys[1:] != keys[:-1]) | (features[1:] == features[:-1]))
    if is_open.any():
        run = np.cumsum(np.r_[False, ~together])
        rows = np.flatnonzero(np.isin(run, run[1:][is_open]))
        chosen = order[rows]
        by = (seen_ns[chosen], feature[chosen], features[rows], key[chosen], run[rows])
        order[rows] = chosen[np.lexsort(by)]
    return order


def _runs(key: np.ndarray) -> tuple[I64, I64]:
    """Where equal neighbours begin, and how many there are."""
    if len(key) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    start = np.flatnonzero(np.r_[True, key[1:] != key[:-1]])
    return start, np.diff(np.r_[start, len(key)])


def _features(words: U64) -> U64:
    """Hash what tells one kind of sighting from another; shape (n,)."""
    feature = _place(words)
    feature = combined(feature, words[word_of("point")] & mask_of("point", "encapsulation"))
    feature = combined(feature, words[word_of("call_site")])
    feature = combined(feature, words[word_of("drop_reason")] & mask_of("drop_reason"))
    encapsulated = (words[word_of("encapsulation")] & mask_of("encapsulation")) != 0
    if encapsulated.any():
        outer = words[:, encapsulated]
        tail = feature[encapsulated]
        for word in range(word_of("outer_src"), word_of("outer_dst") + 2):
            tail = combined(tail, outer[word])
        feature[encapsulated] = combined(tail, outer[word_of("vni")] & mask_of("vni"))
    return feature


def _place(words: U64) -> U64:
    """Hash host, namespace and interface; shape (n,)."""
    return combined(words[word_of("host")], words[word_of("ifindex")] & mask_of("ifindex"))


def _changes(words: U64, start: I64, count: I64) -> U64:
    """Say per record whether addresses or ports differ from the source's, and the TTL spent."""

    def of_source(column: U64) -> U64:
        return np.repeat(column[start], count)

    differs = np.zeros(words.shape[1], dtype=bool)
    for word in range(word_of("src"), word_of("dst") + 2):
        differs |= words[word] != of_source(words[word])
    ports = words[word_of("src_port")] & mask_of("src_port", "dst_port")
    differs |= ports != of_source(ports)
    shift = np.uint64(8 * 2)  # ttl is the third byte of its word
    ttl = (words[word_of("ttl")] & mask_of("ttl")) >> shift
    spent = of_source(ttl) - ttl
    changes: U64 = (spent << np.uint64(1)) | differs
    return changes
