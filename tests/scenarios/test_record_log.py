"""Records go through a record log on a real NATS server to analyzers: the same verdicts."""

import os
import signal

import pytest

from dyetrace.lab.faults import AclDeny, FabricRouteMissing, RouteMissing
from dyetrace.lab.traffic import flowing
from support.diagnosis import eventually, explained
from support.harmed import let_pass
from support.record_log import JoinedToLog, Logged

FROZEN = 1000  # packets: five seconds


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    made = None
    try:
        made = Logged(f"t{os.getpid()}-log", tmp_path_factory.mktemp("state"))
        yield made
    finally:
        if made is not None:
            made.stack.close()


def carried_out(logged, harm=lambda *_: None, stage="ready", **changes):
    """Trace while packets flow, do harm at a stage; give the end and the receiver's report."""
    harmed = logged.harmed
    with flowing(
        harmed.cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=90
    ) as flow:
        name = harmed.begun(**changes)
        harmed.reach(name, stage)
        harm(logged, flow)
        return harmed.ended(name), flow.stop()


def test_a_healthy_network_is_healthy(logged):
    answer, report = carried_out(logged)

    assert report.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert answer["total"] == 60
    assert answer["cost"]["records_lost"] == 0
    assert answer["cost"]["records"] == 60 * len(answer["paths"][0]["hops"])
    logged.harmed.nothing_is_left()


LOSSES = {"VPC_ROUTE_MISSING": RouteMissing(), "UNDERLAY_LOSS": FabricRouteMissing()}


@pytest.mark.parametrize("code", LOSSES)
def test_losses_are_found_and_healed(logged, code):
    fault = LOSSES[code]
    logged.harmed.cloud.inject(fault)
    try:
        answer, report = carried_out(logged)
    finally:
        logged.harmed.cloud.heal()
    healed, after = carried_out(logged)

    assert report.received == 0
    assert answer["verdict"] == "LOST", explained(answer)
    assert (answer["total"], answer["lost"]) == (60, 60)
    assert answer["findings"][0]["code"] == code, explained(answer)
    assert after.lost == 0
    assert healed["verdict"] == "DELIVERED", explained(healed)


def analyzer_killed(logged, _flow):
    logged.analyzer.end()
    logged.analyzer.start()


def log_killed(logged, _flow):
    logged.server.kill()
    logged.server.start()


def both_frozen(logged, flow):
    """Nobody of those two answers, and no connection ends, for longer than an agent waits."""
    both = (logged.analyzer.process.send_signal, logged.server.signal)
    for each in both:
        each(signal.SIGSTOP)
    let_pass(flow, FROZEN)
    for each in both:
        each(signal.SIGCONT)


HARMS = {
    "the analyzer and the log's server are frozen for five seconds": both_frozen,
    "the analyzer is killed and started anew": analyzer_killed,
    "the log's server is killed and started anew": log_killed,
}


@pytest.mark.parametrize("stage", ["ready", "tracing", "collecting"])
@pytest.mark.parametrize("harm", HARMS)
def test_what_the_log_survives_changes_no_answer(logged, harm, stage):
    answer, report = carried_out(logged, HARMS[harm], stage)

    assert report.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert (answer["total"], answer["cost"]["records_lost"]) == (60, 0), explained(answer)
    logged.harmed.nothing_is_left()


def test_without_an_analyzer_a_task_ends_and_says_why(logged):
    harmed = logged.harmed
    with flowing(
        harmed.cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=90
    ):
        logged.analyzer.end()
        try:
            name = harmed.begun()
            told = eventually(
                lambda: (found := harmed.told(name)).get("state") == "failed" and found,
                within_s=60,
                what="the task to end",
            )
        finally:
            logged.analyzer.start()
        healed = harmed.ended(harmed.begun())

    assert "is `dyetrace analyzer` running for it?" in told["error"]
    assert healed["verdict"] == "DELIVERED", explained(healed)
    harmed.nothing_is_left()


def test_spark_gives_the_same_verdicts(tmp_path):
    made = Logged(f"t{os.getpid()}-spark", tmp_path, "--engine", "spark", "--master", "local[2]")
    with made.stack:
        healthy, report = carried_out(made)
        made.harmed.cloud.inject(RouteMissing())
        broken, _ = carried_out(made)

    assert report.lost == 0
    assert healthy["verdict"] == "DELIVERED", explained(healthy)
    assert healthy["cost"]["records"] == 60 * len(healthy["paths"][0]["hops"])
    assert broken["verdict"] == "LOST", explained(broken)
    assert broken["findings"][0]["code"] == "VPC_ROUTE_MISSING", explained(broken)


def west_killed(two_regions, _flow):
    two_regions.servers["west"].kill()


@pytest.fixture
def two_regions(tmp_path):
    hosts = {"cn-1": "east", "cn-2": "east", "cn-3": "west"}
    made = JoinedToLog(f"t{os.getpid()}-tls", tmp_path, region_of=hosts)
    with made.stack:
        yield made


def test_agents_of_two_regions_write_by_tls_each_into_its_own(two_regions):
    answer, report = carried_out(two_regions)
    two_regions.cloud.inject(AclDeny())
    for _ in range(3):  # an answer does not wait long for a document
        broken, _ = carried_out(two_regions)
        if broken["inspections"]:
            break
    two_regions.cloud.heal()
    away, away_report = carried_out(two_regions, west_killed, "tracing")

    assert report.lost == 0
    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert {hop["host"] for hop in answer["paths"][0]["hops"]} >= {"cn-1", "cn-3"}
    assert broken["verdict"] == "LOST", explained(broken)
    assert "cn-3" in {each["host"] for each in broken["inspections"]}, "a document of the west"
    assert away_report.lost == 0
    assert away["findings"] == [], "nobody is accused for want of records"
    assert away["undetermined"], explained(away)
