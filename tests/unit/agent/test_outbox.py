"""What a controller is to get: in order, once each, in memory or on disk, within bounds."""

import resource
from contextlib import contextmanager

import pytest

from dyetrace.agent import outbox as agent_outbox
from dyetrace.agent import spool as agent_spool
from dyetrace.agent.outbox import Outbox
from dyetrace.agent.spool import Spools


@pytest.fixture
def spools(tmp_path):
    return Spools(folder=tmp_path / "spool")


def shipped(outbox, *, records=2, size=100):
    outbox.put(lambda number, before: f"{number} {before} ".encode().ljust(size), records=records)


def read(outbox, after=0):
    found = []
    while (entry := outbox.after(after)) is not None:
        found.append((entry.number, entry.before, entry.data.split()[0]))
        after = entry.number
    return found


def numbered(first, last, records=2):
    return [(n, (n - 1) * records, str(n).encode()) for n in range(first, last + 1)]


def test_what_is_not_acknowledged_is_given_again_and_what_is_never_more(spools):
    outbox = Outbox(spools.of("a"))
    for _ in range(5):
        shipped(outbox)

    assert read(outbox) == read(outbox) == numbered(1, 5)
    outbox.acknowledge(3)

    assert read(outbox) == numbered(4, 5)
    assert outbox.records_acknowledged == 6
    outbox.acknowledge(99)
    assert read(outbox) == []
    assert outbox.is_empty


def test_what_exceeds_memory_goes_to_disk_and_keeps_its_order(spools, monkeypatch):
    monkeypatch.setattr(agent_outbox, "MOST_IN_MEMORY", 1000)
    monkeypatch.setattr(agent_spool, "SEGMENT_BYTES", 1000)
    outbox = Outbox(spools.of("a"))
    for _ in range(50):
        shipped(outbox)

    assert outbox._in_memory <= 1000
    assert outbox.spool.size > 3900
    assert read(outbox) == numbered(1, 50)
    outbox.acknowledge(25)
    assert read(outbox, after=25) == numbered(26, 50)
    assert outbox.spool.size < 3000
    assert outbox.dropped == 0


def test_the_next_process_finds_what_was_put_away_and_goes_on_numbering(spools):
    outbox = Outbox(spools.of("a"))
    for _ in range(5):
        shipped(outbox)
    outbox.put_away()

    again = Spools(folder=spools.folder)
    assert again.left_over() == ["a"]
    outbox = Outbox(again.of("a"))
    shipped(outbox)

    assert read(outbox) == numbered(1, 6)
    assert outbox.records == 12


def test_a_process_that_kept_nothing_gives_no_number_again_that_was_seen(spools):
    outbox = Outbox(spools.of("a"))
    outbox.go_on_after(41, 300)
    shipped(outbox)

    assert read(outbox) == [(42, 300, b"42")]


@pytest.mark.parametrize("cut", [1, 30, 110])
def test_a_shipment_that_was_not_written_whole_is_none_and_others_follow_it(spools, cut):
    outbox = Outbox(spools.of("a"))
    for _ in range(3):
        shipped(outbox)
    outbox.put_away()
    (file,) = (spools.folder / "a").iterdir()
    file.write_bytes(file.read_bytes()[:-cut])

    again = Spools(folder=spools.folder)
    again.left_over()
    outbox = Outbox(again.of("a"))
    shipped(outbox)
    outbox.put_away()

    assert read(outbox) == numbered(1, 3)


def test_a_spool_stays_within_its_size_and_the_oldest_goes_first(tmp_path, monkeypatch):
    monkeypatch.setattr(agent_spool, "SEGMENT_BYTES", 1000)
    spools = Spools(folder=tmp_path / "spool", most_bytes=4000)
    idle, busy = Outbox(spools.of("a")), Outbox(spools.of("b"))
    shipped(idle)
    idle.put_away()
    for _ in range(100):
        shipped(busy)
        busy.put_away()

    on_disk = sum(file.stat().st_size for file in spools.folder.rglob("*") if file.is_file())
    assert on_disk <= 4000
    kept = read(busy)
    assert kept == numbered(kept[0][0], 100)
    assert spools.dropped == 2 * (kept[0][0] - 1)
    assert read(idle) == numbered(1, 1), "who takes little loses nothing"


@contextmanager
def little_room(size):
    """Let no file grow beyond a size: what a full disk does, without one."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_costs_records_only_when_memory_is_full_too_and_they_are_counted(
    spools, monkeypatch
):
    monkeypatch.setattr(agent_outbox, "MOST_IN_MEMORY", 50_000)
    outbox = Outbox(spools.of("a"))
    with little_room(65_000):
        for number in range(1, 21):
            shipped(outbox, size=10_000)
            outbox.put_away()
            assert outbox.dropped == 0 or number > 11
    kept = read(outbox)

    assert kept[:6] == numbered(1, 6), "on disk"
    assert kept[6:] == numbered(16, 20), "in memory"
    assert outbox.dropped == 2 * 9
    outbox.acknowledge(20)
    shipped(outbox)
    outbox.put_away()
    assert read(outbox) == numbered(21, 21)


def test_without_a_disk_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(agent_outbox, "MOST_IN_MEMORY", 1000)
    outbox = Outbox()
    for _ in range(50):
        shipped(outbox)

    assert read(outbox) == numbered(41, 50)
    assert outbox.dropped == 80
