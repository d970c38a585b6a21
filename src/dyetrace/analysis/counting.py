"""Records -> tally: the core that every engine runs, at millions of records a second."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from dyetrace.analysis.columns import (
    DIGIT,
    I64,
    U64,
    Columns,
    Mask,
    chosen_of,
    combined,
    counts_of,
    field_of,
    joined,
    mask_of,
    order_by_digits,
    ranges,
    shift_of,
    starts_of,
    word_of,
)
from dyetrace.analysis.histogram import bucket_of
from dyetrace.analysis.merging import few_flows, first_colored, grouped
from dyetrace.analysis.occurrences import is_shared
from dyetrace.analysis.packets import (
    ADDRESSES,
    HOST,
    PORTS,
    SEEN,
    Arranged,
    Packets,
    arrange,
    packets_of,
)
from dyetrace.analysis.tally import (
    SLOT_SHIFT,
    Delays,
    Flows,
    Kinds,
    Tally,
    nothing,
)
from dyetrace.model.packet import Protocol
from dyetrace.model.record import Point, RecordFlag

Clocks = Mapping[int, int]
"""Host number -> ns to subtract from its clock to get the reference clock's time."""

LAST = word_of("point")
IS_TCP = np.uint64(Protocol.TCP) << shift_of("protocol")
IS_RESTORED = np.uint64(RecordFlag.RESTORED) << shift_of("flags")


def counted(columns: Columns, clocks: Clocks | None = None) -> Tally:
    """Count the packets of these records by task and way.

    columns: all that is known of the packets in it, in any order, each record maybe
    several times.
    """
    return counted_of(arrange(columns), clocks) if columns.shape[1] else nothing()


def counted_of(
    arranged: Arranged, clocks: Clocks | None = None, *, may_stay_open: bool = True
) -> Tally:
    """Count packets. may_stay_open: else those that could be left open are counted as they are."""
    has_source = arranged.sources > 0
    sourced = arranged.of(has_source)
    if not may_stay_open:  # nor can be counted what cannot be told apart
        sourced = sourced.of(~is_shared(sourced))
    is_open, covers = _open_and_covering(sourced)
    if not may_stay_open:
        is_open, covers = np.zeros_like(is_open), np.zeros_like(covers)
    drops, pieces = _nameless_drops_and_pieces(arranged.of(~has_source))
    if not may_stay_open:
        pieces = pieces[:, :0]
    tally = tally_of(packets_of(sourced.of(~is_open)), clocks)
    return replace(
        tally,
        open=joined([sourced.of(is_open).written(), drops]),
        covering=joined([sourced.of(covers & ~is_open).written(), pieces]),
        strays=int(np.count_nonzero(~np.repeat(has_source, arranged.count))) - drops.shape[1],
    )


def ends_of(arranged: Arranged) -> I64:
    """Count how often each packet was seen to end: dropped, or given its DSCP back; shape (p,)."""
    last = arranged.columns[LAST]
    is_end = (last & mask_of("point")) == np.uint64(Point.DROP)
    is_end |= (last & IS_RESTORED) != 0
    ends: I64 = np.add.reduceat(
        is_end[arranged.order].view(np.int8), arranged.start, dtype=np.int64
    )
    return ends


def _open_and_covering(arranged: Arranged) -> tuple[Mask, Mask]:
    """Which packets cannot be counted alone, and which may say something about those.

    Open is a packet that may live on under another's digest (segments.py, cut_short.py):
    it has a name besides its digest, and did not end once in a way that leaves no doubt.
    Also one whose digest is not its own (occurrences.py).
    """
    none = np.zeros(len(arranged.start), dtype=bool)
    if len(arranged.start) == 0:
        return none, none
    source = arranged.order[arranged.start]
    is_tcp = (arranged.columns[LAST][source] & mask_of("protocol")) == IS_TCP
    ends = ends_of(arranged)
    is_named = is_tcp | (arranged.columns[PORTS][source] & mask_of("ip_id") != 0)
    is_open = (is_named & (ends != 1)) | is_shared(arranged)
    return is_open, _is_longer(arranged, is_tcp)


def _is_longer(arranged: Arranged, is_tcp: Mask) -> Mask:
    """Which TCP packets have a record that covers more of the stream than their source record."""
    found = np.zeros(len(is_tcp), dtype=bool)
    tcp = np.flatnonzero(is_tcp)
    if len(tcp) == 0:
        return found
    count = arranged.count[tcp]
    rows = arranged.order[ranges(arranged.start[tcp], count)]
    span = arranged.columns[word_of("tcp_seq")][rows]
    start = np.cumsum(count) - count
    differs = span != np.repeat(span[start], count)
    found[tcp] = np.logical_or.reduceat(differs, start)
    return found


def _nameless_drops_and_pieces(strays: Arranged) -> tuple[Columns, Columns]:
    """Records that lack their packet's digest, but may be known by other names.

    The first are drops whose payload could not be read, the second of TCP: they may be
    of segments that were split or merged.
    """
    records = strays.written()
    last = records[LAST]
    is_drop = (last & mask_of("point")) == np.uint64(Point.DROP)
    is_cut_short = (field_of(records, "flags") & np.uint64(RecordFlag.TRUNCATED)) != 0
    is_piece = (last & mask_of("protocol")) == IS_TCP
    is_piece &= field_of(records, "payload_length") != 0
    is_nameless_drop = is_drop & is_cut_short
    return chosen_of(records, is_nameless_drop), chosen_of(records, is_piece & ~is_nameless_drop)


def tally_of(packets: Packets, clocks: Clocks | None = None) -> Tally:
    """Count packets, each of which has a source record and a digest of its own."""
    if len(packets.start) == 0:
        return nothing()
    seen = packets.columns[SEEN].view(np.int64)
    if clocks:
        seen = seen - _offsets(packets.columns[HOST] & mask_of("host"), clocks)
    order, runs = grouped(packets.task, packets.signature[packets.member])
    kind = np.repeat(np.arange(len(runs)), counts_of(runs, len(order)))
    member = packets.member[order]  # by kind
    colored = seen[packets.source[member]]
    length = field_of(packets.columns, "payload_length")[packets.source[member]].view(np.int64)
    everyone = np.arange(len(member))
    stands = first_colored(everyone, runs, colored, packets.columns[0][packets.source[member]])
    one = member[stands]
    count = packets.count[one]
    start = np.cumsum(count) - count
    delays, longest = _delays(packets, seen, member, kind, start)
    flows, many = _flows(packets, member, kind, len(runs))
    kinds = Kinds(
        task=packets.task[order[stands]],
        signature=packets.signature[one],
        packets=counts_of(runs, len(order)),
        length_low=np.minimum.reduceat(length, runs),
        length_high=np.maximum.reduceat(length, runs),
        colored_low=np.minimum.reduceat(colored, runs),
        colored_high=np.maximum.reduceat(colored, runs),
        start=start,
        count=count,
        one=chosen_of(packets.columns, packets.order[ranges(packets.start[one], count)]),
        longest=longest,
        many_flows=many,
    )
    nobody = nothing()
    return Tally(
        kinds=kinds, delays=delays, flows=flows, open=nobody.open, covering=nobody.covering
    )


def _offsets(host: U64, clocks: Clocks) -> I64:
    """What to subtract for each record."""
    numbers, which = np.unique(host, return_inverse=True)
    offsets = np.array([clocks.get(int(number), 0) for number in numbers], dtype=np.int64)
    found: I64 = offsets[which]
    return found


def _delays(
    packets: Packets, seen: I64, member: I64, kind: I64, first_slot: I64
) -> tuple[Delays, I64]:
    """Count how long after its source each record was made, by slot.

    member, kind: (m,), packets by kind; first_slot: (k,).
    """
    count = packets.count[member]
    rows = packets.order[ranges(packets.start[member], count)]
    delay = seen[rows] - np.repeat(seen[packets.source[member]], count)
    np.maximum(delay, 0, out=delay)  # clocks
    slot = ranges(first_slot[kind], count)
    longest = np.zeros(int(slot.max()) + 1, dtype=np.int64)
    np.maximum.at(longest, slot, delay)
    key = (slot.view(np.uint64) << SLOT_SHIFT) | bucket_of(delay)
    digits = 1 + -(-int(slot.max()).bit_length() // int(DIGIT))
    key = key[order_by_digits(key, digits)]
    edges = starts_of(key[1:] != key[:-1])
    return Delays(key=key[edges], packets=counts_of(edges, len(key))), longest


def _flows(packets: Packets, member: I64, kind: I64, kinds: int) -> tuple[Flows, Mask]:
    """Count packets by kind and flow; also tell which kinds have too many flows to remember."""
    source = packets.source[member]
    words = np.stack([packets.columns[word][source] for word in (*ADDRESSES, PORTS, LAST)])
    words[-2] &= mask_of("src_port", "dst_port")
    words[-1] &= mask_of("protocol")
    name = words[-1]
    for word in words[:-1]:
        name = combined(name, word)
    order, start = grouped(kind.astype(np.uint64), name)
    first = order[start]
    few, now = few_flows(
        Flows(
            kind=kind[first],
            name=name[first],
            packets=counts_of(start, len(order)),
            words=words[:, first],
        ),
        np.zeros(kinds, dtype=bool),
    )
    many = np.zeros(kinds, dtype=bool)
    many[now] = True
    return few, many
