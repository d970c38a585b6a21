"""PostgreSQL killed, stopped, frozen or cut off at each stage of a task: its answer is kept."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext

import pytest
from sqlalchemy import text

from dyetrace.controller.store import Database
from dyetrace.errors import StoreUnavailable
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import UnderlayLoss
from support.diagnosis import eventually
from support.far_away import FarAway
from support.harmed import PACKETS, Harmed, between, broken, carried_out, let_pass_by, traffic
from support.postgres import PostgresServer
from support.service import Service

STAGES = ("tracing", "collecting", "ready")
# Of the long cut's tasks: what is lost between cn-1 and cn-2 is waited for.
ENDS = {
    "tracing": ("green-web", "green-db"),
    "collecting": ("blue-web", "blue-app"),
    "ready": ("blue-web", "blue-db"),
}
MANY = PACKETS * 3  # so that it is still tracing when the others are where they are to be


class Stored(Harmed):
    """A cloud with a controller that keeps its tasks in PostgreSQL, which is elsewhere."""

    network: FarAway
    postgres: PostgresServer
    url: str

    def status(self) -> int:
        """Ask the API for something that is in the database."""
        with self.service.client() as client:
            return client.get("/v1/traces", timeout=60).status_code

    @contextmanager
    def cut(self) -> Iterator[None]:
        """Have all packets to and from the database dropped."""
        self.network.fall_silent()
        try:
            yield
        finally:
            self.network.speak_again()


@pytest.fixture(scope="module")
def stored(tmp_path_factory) -> Iterator[Stored]:
    with ExitStack() as stack:
        network = FarAway()
        stack.callback(network.remove)
        postgres = PostgresServer(network)
        stack.callback(postgres.remove)
        cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-kept")
        stack.callback(cloud.down)
        url = postgres.new_database()
        service = Service(cloud, tmp_path_factory.mktemp("state"), "--database", url)
        stack.callback(service.close)
        made = Stored(cloud, service, stack=stack)
        made.network, made.postgres, made.url = network, postgres, url
        service.start()
        yield made


def killed(stored, flow):
    stored.postgres.stop(signal.SIGKILL)
    let_pass_by(flow)
    stored.postgres.start()


def stopped(stored, flow):
    stored.postgres.stop()
    let_pass_by(flow)
    stored.postgres.start()


def frozen(stored, flow):
    everyone = stored.postgres.processes()
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    try:
        let_pass_by(flow)
    finally:
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)


def cut_off(stored, flow):
    with stored.cut():
        let_pass_by(flow)


def assert_kept(stored, name, answer, verdict, packets=PACKETS):
    """See that an answer and all five steps to it are in the store."""
    assert answer.get("verdict") == verdict, (answer, stored.service.log())
    assert (answer["total"], answer["cost"]["records_lost"]) == (packets, 0)
    with stored.service.client() as client:
        told = client.get(f"/v1/traces/{name}/events").text
    steps = [line for line in told.splitlines() if line.startswith("event: transition")]
    assert len(steps) == 5, told


@pytest.mark.parametrize("harm", [killed, stopped, frozen, cut_off])
@pytest.mark.parametrize("stage", STAGES)
def test_a_task_goes_on_without_its_store_and_its_answer_is_kept(stored, stage, harm):
    with broken(stored.cloud) if stage == "collecting" else nullcontext():
        ended = carried_out(stored, harm, stage)

    is_lost = stage == "collecting"
    for answer, report in ended:
        assert_kept(stored, answer["id"], answer, "LOST" if is_lost else "DELIVERED")
        assert is_lost or report.lost == 0
    stored.nothing_is_left()


def test_a_store_cut_off_for_long_keeps_all_answers_and_no_lock(stored):
    """Until connections are given up on both sides; of three tasks at their three stages."""
    database, names = Database(stored.url), {}
    with ExitStack() as stack:
        stack.callback(database.close)
        for ends in ENDS.values():
            stack.enter_context(traffic(stored.cloud, *ends))
        stack.callback(stored.cloud.heal)
        stored.cloud.inject(UnderlayLoss(destination="cn-2"))
        for stage in STAGES:
            packets = MANY if stage == "tracing" else PACKETS
            names[stage] = stored.begun(filter=between(*ENDS[stage]), packet_count=packets)
            stored.reach(names[stage], stage)
        hurt = stack.enter_context(ExitStack())
        writing = hurt.enter_context(database.writing())
        backend = writing.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with stored.cut():
            eventually(lambda: stored.status() == 503, what="the API to tell of it")
            eventually(
                lambda: backend not in stored.postgres.processes(),
                what="the server to end what is in the middle of a transaction",
            )
        with pytest.raises(StoreUnavailable, match="see that the server runs"):
            hurt.close()
        answers = {stage: stored.ended(name) for stage, name in names.items()}

    for stage, answer in answers.items():
        verdict = "LOST" if stage == "collecting" else "DELIVERED"
        packets = MANY if stage == "tracing" else PACKETS
        assert_kept(stored, names[stage], answer, verdict, packets)
    stored.nothing_is_left()
