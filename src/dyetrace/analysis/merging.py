"""Tallies of different packets, added: in any order, in any grouping, with the same result."""

from collections.abc import Sequence

import numpy as np

from dyetrace.analysis.columns import (
    I64,
    U64,
    Mask,
    chosen_of,
    combined,
    counts_of,
    joined,
    low_digits,
    order_by_digits,
    ranges,
    starts_of,
)
from dyetrace.analysis.histogram import BUCKET_BITS
from dyetrace.analysis.tally import (
    MOST_FLOWS,
    SLOT_SHIFT,
    Delays,
    Flows,
    Kinds,
    Tally,
    nothing,
)

KEY_DIGITS = 2  # of 16 bits: the kinds of a batch rarely collide


def merged(tallies: Sequence[Tally]) -> Tally:
    """Add tallies of different packets; of several the sum is ordered (ordered.py)."""
    tallies = [tally for tally in tallies if tally.size or tally.strays or len(tally.kinds.task)]
    if len(tallies) <= 1:
        return tallies[0] if tallies else nothing()
    kinds, new_kind, new_slot = _kinds_merged([tally.kinds for tally in tallies])
    flows, many = _flows_merged([tally.flows for tally in tallies], new_kind, kinds.many_flows)
    kinds.many_flows[many] = True
    return Tally(
        kinds=kinds,
        delays=_delays_merged([tally.delays for tally in tallies], new_slot),
        flows=flows,
        open=joined([tally.open for tally in tallies]),
        covering=joined([tally.covering for tally in tallies]),
        strays=sum(tally.strays for tally in tallies),
    )


def grouped(first: U64, second: U64) -> tuple[I64, I64]:
    """Order rows so that equal pairs come together; returns the order and where runs begin."""
    if len(first) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    names = combined(first, second)
    order = order_by_digits(names, KEY_DIGITS)
    ones, others = first[order], second[order]
    start = starts_of((ones[1:] != ones[:-1]) | (others[1:] != others[:-1]))
    cut = low_digits(names[order[start]], KEY_DIGITS)
    if len(np.unique(cut)) < len(cut):  # the digits do not tell all pairs apart
        order = np.lexsort((second, first))
        ones, others = first[order], second[order]
        start = starts_of((ones[1:] != ones[:-1]) | (others[1:] != others[:-1]))
    return order, start


def _kinds_merged(parts: Sequence[Kinds]) -> tuple[Kinds, list[I64], list[I64]]:
    """Merge kinds; also tell, for each part, where its kinds and its slots are now."""

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])

    task, signature, count = all_of("task"), all_of("signature"), all_of("count")
    if len(task) == 0:
        return parts[0], [count] * len(parts), [count] * len(parts)
    colored = all_of("colored_low")
    ones = joined([part.one for part in parts])
    first_slot = np.cumsum([0, *(part.one.shape[1] for part in parts[:-1])])
    old_start = np.concatenate(
        [part.start + slot for part, slot in zip(parts, first_slot, strict=True)]
    )
    order, runs = _by_task(task, *grouped(task, signature))
    kind = np.empty(len(order), dtype=np.int64)
    kind[order] = np.repeat(np.arange(len(runs)), counts_of(runs, len(order)))
    stands = first_colored(order, runs, colored, ones[0, old_start])
    new_count = count[stands]
    start = np.cumsum(new_count) - new_count
    slot = np.empty(ones.shape[1], dtype=np.int64)
    slot[ranges(old_start, count)] = ranges(start[kind], count)
    longest = np.zeros(int(new_count.sum()), dtype=np.int64)
    np.maximum.at(longest, slot, all_of("longest"))
    merged_kinds = Kinds(
        task=task[stands],
        signature=signature[stands],
        packets=np.add.reduceat(all_of("packets")[order], runs),
        length_low=np.minimum.reduceat(all_of("length_low")[order], runs),
        length_high=np.maximum.reduceat(all_of("length_high")[order], runs),
        colored_low=np.minimum.reduceat(colored[order], runs),
        colored_high=np.maximum.reduceat(all_of("colored_high")[order], runs),
        start=start,
        count=new_count,
        one=chosen_of(ones, ranges(old_start[stands], new_count)),
        longest=longest,
        many_flows=np.logical_or.reduceat(all_of("many_flows")[order], runs),
    )
    ends = np.cumsum([len(part.task) for part in parts])[:-1]
    return merged_kinds, np.split(kind, ends), np.split(slot, first_slot[1:])


def _by_task(task: U64, order: I64, runs: I64) -> tuple[I64, I64]:
    """Put the runs of the ordered rows in order of their tasks."""
    first = np.argsort(task[order[runs]], kind="stable")
    count = counts_of(runs, len(order))[first]
    return order[ranges(runs[first], count)], np.cumsum(count) - count


def first_colored(order: I64, runs: I64, colored: I64, digest: U64) -> I64:
    """Of each run of the ordered rows the one colored first; of several the lowest digest's."""
    count = counts_of(runs, len(order))
    when = colored[order]
    is_first = when == np.repeat(np.minimum.reduceat(when, runs), count)
    name = np.where(is_first, digest[order], ~np.uint64(0))
    is_first &= name == np.repeat(np.minimum.reduceat(name, runs), count)
    where = np.flatnonzero(is_first)
    run = np.repeat(np.arange(len(runs)), count)[where]
    stands: I64 = order[where[starts_of(run[1:] != run[:-1])]]
    return stands


def _delays_merged(parts: Sequence[Delays], new_slot: Sequence[I64]) -> Delays:
    """Merge delays, which are most of a tally: no more copies at once than it takes."""
    key = np.concatenate(
        [_moved(part.key, slot) for part, slot in zip(parts, new_slot, strict=True)]
    )
    if len(key) == 0:
        return parts[0]
    order = np.argsort(key)
    key = key[order]
    packets = np.concatenate([part.packets for part in parts])[order]
    del order
    start = starts_of(key[1:] != key[:-1])
    return Delays(key=key[start], packets=np.add.reduceat(packets, start))


def _moved(key: U64, new_slot: I64) -> U64:
    """Give delays' keys other slots."""
    slot = new_slot[(key >> SLOT_SHIFT).view(np.int64)].view(np.uint64)
    bucket = key & np.uint64((1 << BUCKET_BITS) - 1)
    return (slot << SLOT_SHIFT) | bucket


def _flows_merged(parts: Sequence[Flows], new_kind: Sequence[I64], many: Mask) -> tuple[Flows, I64]:
    kind = np.concatenate([moved[part.kind] for part, moved in zip(parts, new_kind, strict=True)])
    name = np.concatenate([part.name for part in parts])
    packets = np.concatenate([part.packets for part in parts])
    words = np.concatenate([part.words for part in parts], axis=1)
    order, start = grouped(kind.astype(np.uint64), name)
    if len(order) == 0:
        return Flows(kind=kind, name=name, packets=packets, words=words), kind
    total = np.add.reduceat(packets[order], start)
    first = order[start]
    by_kind = np.argsort(kind[first], kind="stable")
    first, total = first[by_kind], total[by_kind]
    return few_flows(
        Flows(kind=kind[first], name=name[first], packets=total, words=words[:, first]), many
    )


def few_flows(flows: Flows, many: Mask) -> tuple[Flows, I64]:
    """Drop the flows of kinds that have too many; returns also which have only now.

    many: (k,), which had before.
    """
    too_many = np.bincount(flows.kind, minlength=len(many)) > MOST_FLOWS
    stays = ~(too_many | many)[flows.kind]
    kept = Flows(
        kind=flows.kind[stays],
        name=flows.name[stays],
        packets=flows.packets[stays],
        words=flows.words[:, stays],
    )
    return kept, np.flatnonzero(too_many)
