"""Which records are of the same packet, and which packets fared alike: all at once.

Two packets fared alike if they were seen at the same points with the same
facts: place, drop, TTL spent, outer header, whether translated. The features
of a record are hashed to 64 bits; a packet's signature is the sum over its
records, so it needs no order. Only one packet of each signature is then looked
at in detail, which is what makes millions of records a second possible.
"""

from dataclasses import dataclass

import numpy as np

from dyetrace.analysis.columns import I64, U64, combined, mask_of, mixed, word_of, words_of
from dyetrace.model.record import RecordArray


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
    order = np.lexsort((words[word_of("seen_ns")], feature, key))
    start, count = _runs(key[order])
    sourced = is_source[order][start]
    order = order[np.repeat(sourced, count)]
    start, count = _runs(key[order])
    member = np.repeat(np.arange(len(start)), count)
    sources = is_source[order]
    task, member_of_task = words[word_of("task_id")][order][sources], member[sources]
    stays = ~sources
    stays[start] = True  # of several source records of one packet the first stands for all
    order, member = order[stays], member[stays]
    start, count = _runs(member)
    told = mixed(feature[order] + _changes(words[:, order], start, count))
    signature = np.add.reduceat(told, start) if len(start) else np.zeros(0, dtype=np.uint64)
    return Packets(
        records=records[order],
        start=start,
        count=count,
        signature=signature + _place(words[:, order[start]]),
        task=task,
        member=member_of_task,
    )


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
    source = np.repeat(start, count)
    differs = np.zeros(words.shape[1], dtype=np.uint64)
    for word in range(word_of("src"), word_of("dst") + 2):
        differs |= (words[word] != words[word][source]).astype(np.uint64)
    ports = words[word_of("src_port")] & mask_of("src_port", "dst_port")
    differs |= (ports != ports[source]).astype(np.uint64)
    shift = np.uint64(8 * 2)  # ttl is the third byte of its word
    ttl = (words[word_of("ttl")] & mask_of("ttl")) >> shift
    spent = ttl[source] - ttl
    changes: U64 = (spent << np.uint64(1)) | differs
    return changes
