"""PostgreSQL killed, stopped or frozen at each stage of a task: its answer is kept all the same."""

import os
import signal
from collections.abc import Iterator

import pytest

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import FabricRouteMissing
from dyetrace.lab.traffic import flowing
from support.harmed import PACKETS, Harmed, let_pass
from support.own_host import children
from support.postgres import PostgresServer
from support.service import Service


class Stored(Harmed):
    """A cloud with a controller that keeps its tasks in PostgreSQL."""

    postgres: PostgresServer


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Iterator[Stored]:
    cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-kept")
    postgres = PostgresServer()
    database = ("--database", postgres.new_database())
    made = Stored(cloud, Service(cloud, tmp_path_factory.mktemp("state"), *database))
    made.postgres = postgres
    try:
        made.service.start()
        yield made
    finally:
        made.service.close()
        made.stack.close()
        postgres.remove()
        cloud.down()


def killed(stored, flow):
    stored.postgres.stop(signal.SIGKILL)
    let_pass_by(flow)
    stored.postgres.start()


def stopped(stored, flow):
    stored.postgres.stop()
    let_pass_by(flow)
    stored.postgres.start()


def frozen(stored, flow):
    first = stored.postgres._process.pid
    everyone = [first, *children(first)]
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    try:
        let_pass_by(flow)
    finally:
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)


def let_pass_by(flow):
    """Let some two seconds pass, by what is sent in them."""
    sent = flow.report().sent
    while flow.report().sent < sent + 400:
        os.sched_yield()


@pytest.mark.parametrize(
    ("stage", "harm"),
    [
        *(
            (stage, harm)
            for stage in ("ready", "tracing", "collecting")
            for harm in (killed, frozen)
        ),
        ("tracing", stopped),
    ],
)
def test_a_task_goes_on_without_its_store_and_its_answer_is_kept(stored, stage, harm):
    fault = FabricRouteMissing() if stage == "collecting" else None
    if fault:
        stored.cloud.inject(fault)
    try:
        with flowing(
            stored.cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=90
        ) as flow:
            name = stored.begun()
            stored.reach(name, stage)
            if stage == "tracing":
                let_pass(flow, 100)
            harm(stored, flow)
            answer = stored.ended(name)
            report = flow.stop()
    finally:
        if fault:
            stored.cloud.heal()

    expected = "LOST" if fault else "DELIVERED"
    assert answer.get("verdict") == expected, (answer, stored.service.log())
    assert (answer["total"], answer["cost"]["records_lost"]) == (PACKETS, 0)
    assert fault or report.lost == 0
    with stored.service.client() as client:
        told = client.get(f"/v1/traces/{name}/events").text
    steps = [line for line in told.splitlines() if line.startswith("event: transition")]
    assert len(steps) == 5, told
    stored.nothing_is_left()
