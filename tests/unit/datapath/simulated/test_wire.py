"""Sightings reach hosts in other processes, whatever these are doing."""

import asyncio

import numpy as np

from dyetrace.datapath.simulated.wire import DatagramWire
from dyetrace.model.record import RECORD


def numbered(number):
    rows = np.zeros(1, dtype=RECORD)
    rows["digest"] = number
    return rows


def test_nothing_is_lost_on_the_way_to_a_process_that_is_busy(tmp_path):
    async def run():
        paths = {0: tmp_path / "near", 1: tmp_path / "far"}
        near, far = DatagramWire(paths, paths[0]), DatagramWire(paths, paths[1])
        came = []
        far.takers[1] = lambda rows: came.extend(rows["digest"].tolist())
        try:
            for number in range(1000):  # many more than a socket's queue takes
                near.carry(1, numbered(number))
            assert came == []
            async with asyncio.timeout(10):
                while len(came) < 1000:
                    far.take()
                    await asyncio.sleep(0)
        finally:
            near.close()
            far.close()
        return came

    assert asyncio.run(run()) == list(range(1000))


def test_what_is_for_a_process_that_is_gone_is_dropped(tmp_path):
    paths = {0: tmp_path / "near", 1: tmp_path / "gone"}
    near = DatagramWire(paths, paths[0])
    try:
        near.carry(1, numbered(1))
    finally:
        near.close()
