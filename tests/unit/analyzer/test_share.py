"""A share of the log: what it tells is what its records say, of several regions, over restarts."""

import random
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from dyetrace.analysis.analyze import Analysis
from dyetrace.analysis.counting import counted
from dyetrace.analysis.merging import merged
from dyetrace.analysis.ordered import by_task
from dyetrace.analysis.partition import Bounds
from dyetrace.analysis.tally import of_task, tasks_of
from dyetrace.analyzer.share import Share
from dyetrace.model.path import Fate
from dyetrace.wire.parcels import Header, Parcel
from dyetrace.wire.progress import BadProgress, pack, unpack
from dyetrace.wire.tallies import BadTally, pack_piece, unpack_piece
from support.builders import TASK, name_drop, two_hosts
from support.streams import GRACE_NS, OTHER_TASK, Knobs, columns, stream

BOUNDS = Bounds(grace_ns=GRACE_NS, patience_ns=3 * GRACE_NS, memory_ns=2 * GRACE_NS)
LATER = 1000 * GRACE_NS
REGION_OF = {1: "east", 2: "west"}


def alike_of(pieces, task):
    return alike_in(merged([piece.tally for piece in pieces if piece.task in {0, task}]), task)


def alike_in(tally, task):
    return known_of(Analysis(topology=two_hosts(), name_drop=name_drop).partial(tally), task)


def known_of(partial, task):
    return {signature: alike for (of, signature), alike in partial.alike.items() if of == task}


class Feed:
    """Arrivals as their hosts' parcels, in the order of each region's log."""

    def __init__(self, arrivals):
        self._sent, self._offsets = {}, {}
        self.entries = [self._entry(arrival) for arrival in arrivals]

    def _entry(self, arrival):
        host = int(arrival.record["host"])
        region, before = REGION_OF[host], self._sent.get(host, 0)
        self._sent[host] = before + 1
        self._offsets[region] = self._offsets.get(region, 0) + 1
        header = Header(
            host=host,
            session=1,
            partition=0,
            before=before,
            records=1,
            drop_names={2: f"of host {host}"},
        )
        parcel = Parcel(header=header, columns=columns([arrival]))
        return region, self._offsets[region], arrival.at_ns, parcel


def fed(entries, share=None, *, told=None, draw=None):
    """Give entries to a share, which may be replaced by another in the midst; gather pieces."""
    share = share or Share(0, bounds=BOUNDS)
    told = {} if told is None else told
    for region, offset, taken_ns, parcel in entries:
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
        share.advance(taken_ns)
        if draw and draw.random() < 0.2:
            told.update({piece.task: piece for piece in share.pieces()})
            share = Share(0, bounds=BOUNDS, kept=share.kept())
    for now_ns in (LATER, 2 * LATER):  # those without an end are held once more
        share.advance(now_ns)
        told.update({piece.task: piece for piece in share.pieces()})
    return told


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.2]), st.booleans())
def test_what_is_told_at_last_is_what_all_records_at_once_say(seed, loss, restarts):
    arrivals = stream(Knobs(seed=seed, packets=12, loss=loss, tcp=not loss, cut_short=True))

    told = fed(Feed(arrivals).entries, draw=random.Random(seed) if restarts else None)

    at_once = Analysis(topology=two_hosts(), name_drop=name_drop).partial(
        counted(columns(arrivals))
    )
    for task in (TASK, OTHER_TASK):
        assert alike_of(told.values(), task) == known_of(at_once, task)
    assert all(piece.is_settled for piece in told.values())


def test_what_is_read_again_changes_nothing():
    entries = Feed(stream(Knobs(seed=3))).entries
    share = Share(0, bounds=BOUNDS)

    once = alike_of(fed(entries, share).values(), TASK)
    share = Share(0, bounds=BOUNDS)
    told = {}
    fed(entries[:50], share, told=told)
    share = Share(0, bounds=BOUNDS)
    assert alike_of(fed([*entries, *entries], share).values(), TASK) == once


def test_packets_are_told_before_they_are_over():
    entries = Feed(stream(Knobs(seed=3, packets=5))).entries
    share = Share(0, bounds=BOUNDS)
    for region, offset, taken_ns, parcel in entries:
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
    pieces = {piece.task: piece for piece in share.pieces()}

    assert not pieces[TASK].is_settled
    assert sum(alike.packets for alike in alike_of(pieces.values(), TASK).values()) == 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.2]), st.booleans())
def test_at_any_time_what_was_told_last_says_all_that_came(seed, loss, restarts):
    arrivals = stream(Knobs(seed=seed, packets=8, loss=loss))
    share, told, draw = Share(0, bounds=BOUNDS), {}, random.Random(seed)
    for number, (region, offset, taken_ns, parcel) in enumerate(Feed(arrivals).entries):
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
        share.advance(taken_ns)
        if draw.random() < 0.3:
            told.update({piece.task: unpack_piece(pack_piece(piece)) for piece in share.pieces()})
            so_far = counted(columns(arrivals[: number + 1]))
            for task in (TASK, OTHER_TASK):
                assert alike_of(told.values(), task) == alike_in(so_far, task)
            if restarts:
                share = Share(0, bounds=BOUNDS, kept=share.kept())


def test_a_task_is_told_again_only_when_there_is_something_new_of_it():
    *entries, last = Feed(stream(Knobs(seed=3, packets=5))).entries
    share = Share(0, bounds=BOUNDS)
    for region, offset, taken_ns, parcel in entries:
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
    tasks = [{piece.task for piece in share.pieces()} for _ in range(2)]
    region, offset, taken_ns, parcel = last
    share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
    after = {piece.task for piece in share.pieces()}

    assert TASK in tasks[0]
    assert tasks[1] == set()
    assert after & {TASK, OTHER_TASK}


def test_missing_records_are_told_by_host():
    entries = Feed(stream(Knobs(seed=3))).entries
    gone = [entry for entry in entries if entry[3].header.host == 2][3:5]

    share = Share(0, bounds=BOUNDS)
    for region, offset, taken_ns, parcel in (each for each in entries if each not in gone):
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)

    assert share.progress(4).lost == {2: 2}


def test_progress_says_how_far_each_region_was_read():
    entries = Feed(stream(Knobs(seed=3))).entries
    share = Share(0, bounds=BOUNDS)
    for region, offset, taken_ns, parcel in entries:
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)
    last = {region: offset for region, offset, _, _ in entries}

    told = unpack(pack(share.progress(4)))

    assert (told.partition, told.partitions, told.offsets) == (0, 4, last)


@given(st.binary(max_size=60))
def test_foreign_bytes_are_no_progress(data):
    with suppress(BadProgress):
        unpack(data)


def test_a_task_of_which_more_is_held_than_can_be_told_ahead_is_not_whole(monkeypatch):
    entries = Feed(stream(Knobs(seed=3, packets=5))).entries
    monkeypatch.setattr("dyetrace.analyzer.share.PREVIEWED", 1)
    share = Share(0, bounds=BOUNDS)
    for region, offset, taken_ns, parcel in entries:
        share.take(region, offset=offset, taken_ns=taken_ns, parcel=parcel)

    (early,) = (piece for piece in share.pieces() if piece.task == TASK)
    again = [piece for piece in share.pieces() if piece.task == TASK]
    share.advance(LATER)
    share.advance(2 * LATER)
    (late,) = (piece for piece in share.pieces() if piece.task == TASK)

    assert not early.is_whole
    assert again == [], "that was told before"
    assert late.is_whole
    assert late.is_settled


def test_a_piece_carries_the_names_of_its_drops():
    told = fed(Feed(stream(Knobs(seed=3, packets=40))).entries)

    fates = {alike.path.fate for alike in alike_of(told.values(), TASK).values()}
    assert Fate.DROPPED in fates
    assert told[TASK].drop_names == {(2, 2): "of host 2"}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_a_tally_taken_apart_and_sent_is_the_same(seed, alike):
    tally = counted(columns(stream(Knobs(seed=seed, alike=alike, cut_short=True))))
    analysis = Analysis(topology=two_hosts(), name_drop=name_drop)

    for task, part in by_task(tally, {*tasks_of(tally), 12345}):
        expected = of_task(tally, task)
        assert analysis.partial(part).alike == analysis.partial(expected).alike
        assert part.open.shape == expected.open.shape
    for piece in fed(Feed(stream(Knobs(seed=seed, packets=5))).entries).values():
        again = unpack_piece(pack_piece(piece))
        assert analysis.partial(again.tally).alike == analysis.partial(piece.tally).alike
        assert (again.task, again.is_whole, again.drop_names) == (
            piece.task,
            piece.is_whole,
            piece.drop_names,
        )


def test_a_piece_that_is_too_large_to_send_says_so(monkeypatch):
    monkeypatch.setattr("dyetrace.wire.tallies.LARGEST_PIECE", 500)
    told = fed(Feed(stream(Knobs(seed=3, packets=40))).entries)

    again = unpack_piece(pack_piece(told[TASK]))

    assert not again.is_whole
    assert again.tally.kinds.one.shape[1] == 0


@given(st.binary(max_size=200))
def test_foreign_bytes_are_no_piece(data):
    try:
        unpack_piece(data)
    except BadTally:
        return
    raise AssertionError
