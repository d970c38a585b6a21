"""Records go through a record log on a real NATS server to analyzers: the same verdicts."""

import os

import pytest

from dyetrace.lab.faults import FabricRouteMissing, RouteMissing
from dyetrace.lab.traffic import flowing
from support.diagnosis import explained
from support.record_log import Logged


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    made = None
    try:
        made = Logged(f"t{os.getpid()}-log", tmp_path_factory.mktemp("state"))
        yield made
    finally:
        if made is not None:
            made.stack.close()


def carried_out(logged, harm=lambda: None, stage="ready", **changes):
    """Trace while packets flow, do harm at a stage; give the end and the receiver's report."""
    harmed = logged.harmed
    with flowing(
        harmed.cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=90
    ) as flow:
        name = harmed.begun(**changes)
        harmed.reach(name, stage)
        harm()
        return harmed.ended(name), flow.stop()


def test_a_healthy_network_is_healthy(logged):
    answer, report = carried_out(logged)

    assert report.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert answer["total"] == 60
    assert answer["cost"]["records_lost"] == 0
    assert answer["cost"]["records"] >= 60 * 2 * len(answer["paths"][0]["hops"])
    logged.harmed.nothing_is_left()


@pytest.mark.parametrize("fault", [RouteMissing(), FabricRouteMissing()], ids=lambda f: f.name)
def test_losses_are_found_and_healed(logged, fault):
    logged.harmed.cloud.inject(fault)
    try:
        answer, report = carried_out(logged)
    finally:
        logged.harmed.cloud.heal()
    healed, after = carried_out(logged)

    assert report.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    assert (answer["total"], answer["lost"]) == (60, 60)
    assert after.lost == 0
    assert healed["verdict"] == "DELIVERED", explained(healed)
