"""How long the log took for what it was sent, at worst."""

from dyetrace.transport.delays import MOST_FOLLOWED, REMEMBERED_S, Delays


def test_the_slowest_is_told_until_it_is_long_ago():
    delays = Delays()
    for number, now in ((1, 0.0), (2, 0.5), (3, 7.0)):
        delays.shipped(number, now)

    delays.acknowledged(2, 8.0)
    delays.acknowledged(3, 9.0)

    assert delays.worst(9.0) == 8.0
    assert delays.worst(8.0 + REMEMBERED_S) == 8.0
    assert delays.worst(8.5 + REMEMBERED_S) == 2.0
    assert delays.worst(9.5 + REMEMBERED_S) == 0.0


def test_the_oldest_are_followed_where_there_are_many():
    delays = Delays()
    for number in range(1, 2 * MOST_FOLLOWED):
        delays.shipped(number, float(number))

    delays.acknowledged(2 * MOST_FOLLOWED, 10_000.0)

    assert delays.worst(10_000.0) == 9_999.0
