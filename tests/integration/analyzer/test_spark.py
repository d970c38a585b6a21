"""`dyetrace analyzer --engine spark` on a real cluster whose parts are killed in mid-stream."""

import asyncio
import os
import signal
import subprocess
from contextlib import contextmanager, suppress

import pytest

from support.diagnosis import eventually
from support.recorded import (
    answers,
    command_of,
    recorded,
    ship,
    slices,
    told_at_last,
    truth,
    two_regions,
)
from support.spark_cluster import SparkCluster, children, environment

SLOW_S = 120


@pytest.fixture(scope="module")
def cluster():
    made = SparkCluster(workers=2)
    try:
        made.start()
        yield made
    finally:
        made.remove()


class Driver:
    """The command on a cluster; it can be killed and started again."""

    def __init__(self, cluster, servers, folder):
        self._command = command_of(servers, folder, "--engine", "spark", "--master", cluster.url)
        self._log = folder / "driver.log"
        self._process = None

    def start(self):
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment()
            )
        assert "reading" in self._process.stdout.readline(), self.log()

    def kill(self):
        """End it and its Java process at once."""
        for pid in [*children(self._process.pid), self._process.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait(20)
        self._process.stdout.close()
        self._process = None

    def end(self):
        if self._process is not None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self.kill()

    def log(self):
        return self._log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def a_driver(cluster, servers, folder):
    driver = Driver(cluster, servers, folder)
    try:
        driver.start()
        yield driver
    finally:
        driver.end()


def packets_told(server):
    with suppress(Exception):
        found, _ = asyncio.run(answers(server))
        return sum(packets for packets, *_ in found.values())
    return 0


@pytest.mark.timeout(300)
def test_killing_executors_a_worker_and_the_driver_changes_nothing(cluster, tmp_path):
    records = recorded(seed=47)
    parts = slices(records, 4)
    with two_regions() as servers, a_driver(cluster, servers, tmp_path) as driver:
        told = 0
        for part, kill in zip(
            parts,
            (
                lambda: [os.kill(pid, signal.SIGKILL) for pid in cluster.executors()],
                lambda: (cluster.kill_worker(0), cluster.start_worker(0)),
                lambda: (driver.kill(), driver.start()),
                lambda: None,
            ),
            strict=True,
        ):
            asyncio.run(ship(part, servers))
            before = told
            eventually(
                lambda before=before: packets_told(servers["east"]) > before,
                within_s=SLOW_S,
                what=f"more packets than {before}: {driver.log()[-3000:]}",
            )
            told = packets_told(servers["east"])
            kill()
        found = asyncio.run(told_at_last(servers["east"], truth(records), within_s=SLOW_S))

    assert found == truth(records)
