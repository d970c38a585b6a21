"""The spool in memory: bounded, in order, the oldest go first and are counted."""

from hypothesis import given
from hypothesis import strategies as st

from dyetrace.transport.spool import MemorySpool


@given(st.lists(st.integers(1, 50), max_size=30), st.integers(0, 30))
def test_it_gives_what_it_was_given_in_order_after_any_number(sizes, after):
    spool = MemorySpool()
    for size in sizes:
        spool.append(1, b"x" * size)

    found, number = [], after
    while entry := spool.after(number):
        found.append(len(entry.data))
        number = entry.number
    assert found == sizes[after:]


def test_where_room_is_short_the_oldest_are_dropped_and_counted():
    spool = MemorySpool(most_bytes=100)
    for number in range(10):
        spool.append(number, b"x" * 40)

    assert spool.dropped == sum(range(8))
    assert spool.after(0).number == 9


def test_what_is_acknowledged_is_let_go():
    spool = MemorySpool()
    for _ in range(5):
        spool.append(1, b"x")

    spool.forget_through(3)
    assert spool.after(0).number == 4
    assert spool.dropped == 0
