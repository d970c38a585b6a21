"""The ledger: losses are counted exactly, repeats are known, order does not matter."""

import random

from hypothesis import given
from hypothesis import strategies as st

from dyetrace.transport.ledger import Ledger
from dyetrace.wire.parcels import Header


def a_header(before, records, *, host=1, session=1):
    return Header(host=host, session=session, partition=0, before=before, records=records)


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=20),
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.3]),
    st.booleans(),
)
def test_each_record_is_new_once_and_those_that_did_not_come_are_lost(sizes, seed, loss, swap):
    draw = random.Random(seed)
    sent, before = [], 0
    for size in sizes:
        sent.append(a_header(before, size))
        before += size
    arrived = [header for header in sent if draw.random() >= loss]
    arrived += draw.choices(arrived, k=3) if arrived else []
    if swap:
        draw.shuffle(arrived)
    ledger = Ledger()

    new = [header.before for header in arrived if ledger.enter(header, 0)]
    ledger.enter(a_header(before, 0), 0)  # the session tells how many it has sent

    assert len(new) == len(set(new))
    assert set(new) == {header.before for header in arrived}
    came = sum(header.records for header in sent if header.before in set(new))
    assert ledger.lost().get(1, 0) == before - came


def test_sessions_and_hosts_have_accounts_of_their_own():
    ledger = Ledger()
    assert ledger.enter(a_header(0, 5), 0)
    assert ledger.enter(a_header(0, 5, session=2), 0)
    assert ledger.enter(a_header(7, 5, host=2), 0)

    assert ledger.lost() == {2: 7}


def test_what_was_before_the_logs_beginning_is_not_missing():
    ledger = Ledger(is_whole=False)

    assert ledger.enter(a_header(1000, 5), 0)
    assert ledger.lost() == {}


def test_sessions_that_are_long_silent_are_forgotten():
    ledger = Ledger()
    ledger.enter(a_header(3, 5), 100)
    ledger.enter(a_header(4, 5, host=2), 200)

    ledger.forget(150)
    assert ledger.lost() == {2: 4}
