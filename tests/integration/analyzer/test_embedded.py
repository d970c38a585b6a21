"""`dyetrace analyzer` as a process on real NATS servers of two regions, also when it is killed."""

import asyncio
import signal
import subprocess
from contextlib import contextmanager

import pytest

from support.diagnosis import eventually
from support.recorded import command_of, recorded, ship, slices, told_at_last, truth, two_regions


@pytest.fixture
def servers():
    with two_regions() as made:
        yield made


@contextmanager
def an_analyzer(servers, state, *more):
    """Run the command; it is gone afterwards."""
    command = command_of(servers, state, *more)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert "reading" in process.stdout.readline()
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(20) in {0, -signal.SIGKILL}
        process.stdout.close()


def test_records_of_two_regions_become_one_answer(servers, tmp_path):
    records = recorded()

    with an_analyzer(servers, tmp_path):
        asyncio.run(ship(records, servers))
        found = asyncio.run(told_at_last(servers["east"], truth(records)))

    assert found == truth(records)


def test_a_killed_analyzer_is_followed_by_one_that_tells_the_same(servers, tmp_path):
    records = recorded(seed=23)
    first, second = slices(records, 2)
    asyncio.run(ship(first, servers))
    with an_analyzer(servers, tmp_path) as process:
        eventually(lambda: list(tmp_path.glob("partition-*")), within_s=30, what="a state kept")
        asyncio.run(ship(second, servers))
        process.kill()

    with an_analyzer(servers, tmp_path):
        found = asyncio.run(told_at_last(servers["east"], truth(records)))

    assert found == truth(records)


def test_two_processes_share_the_partitions(servers, tmp_path):
    records = recorded(seed=35, packets=60)

    with (
        an_analyzer(servers, tmp_path, "--share", "0"),
        an_analyzer(servers, tmp_path, "--share", "1-1"),
    ):
        asyncio.run(ship(records, servers))
        found = asyncio.run(told_at_last(servers["east"], truth(records)))

    assert found == truth(records)
