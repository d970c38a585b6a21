"""`dyetrace analyzer` as a process on real NATS servers of two regions, also when it is killed."""

import asyncio
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from support.diagnosis import eventually
from support.nats_servers import NatsServer
from support.recorded import PARTITIONS, recorded, ship, told_at_last, truth


@pytest.fixture
def servers():
    made = {name: NatsServer(name) for name in ("east", "west")}
    try:
        for server in made.values():
            server.start()
        yield made
    finally:
        for server in made.values():
            server.remove()


@contextmanager
def an_analyzer(servers, state, *more):
    """Run the command; it is gone afterwards."""
    command = [sys.executable, "-m", "dyetrace", "analyzer", "--state", str(state)]
    for name, server in servers.items():
        command += ["--region", f"{name}={server.url}"]
    command += ["--partitions", str(PARTITIONS), "--grace", "0.5", *more]
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
    asyncio.run(ship(records[:1500], servers))
    with an_analyzer(servers, tmp_path) as process:
        eventually(lambda: list(tmp_path.glob("partition-*")), within_s=30, what="a state kept")
        asyncio.run(ship(records[1500:], servers))
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
