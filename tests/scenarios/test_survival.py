"""Processes that die, freeze and come again at each stage of a task: what that does to its answer.

The analyzer is in the controller's process, so what befalls it is what befalls the
controller. Each harm is done by signals to real processes, and judged by the answer
that the same task has undisturbed, by the receiver's count of packets and by the kernel's
own list of programs.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from dyetrace.lab.cloud import Cloud
from support.diagnosis import eventually
from support.harmed import (
    ASKED,
    BEYOND_LEASE_S,
    WAYS,
    Harmed,
    between,
    broken,
    carried_out,
    facts,
    let_pass,
    let_pass_by,
    spool_of,
    traffic,
    undisturbed_facts,
    undisturbed_facts_of_loss,
)
from support.service import Service

STAGES = ("ready", "tracing", "collecting")
HOST = "cn-3"  # whose agent is harmed: a source's and a receiver's
COLOR = 43  # what agents make of DSCP 0


@pytest.fixture(scope="module")
def harmed(tmp_path_factory) -> Iterator[Harmed]:
    cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-harm")
    service = Service(cloud, tmp_path_factory.mktemp("state"))
    made = Harmed(cloud, service)
    try:
        service.start()
        yield made
    finally:
        service.close()
        made.stack.close()
        cloud.down()


@pytest.fixture(scope="module")
def undisturbed(harmed):
    return undisturbed_facts(harmed)


@pytest.fixture(scope="module")
def undisturbed_loss(harmed):
    return undisturbed_facts_of_loss(harmed)


def controller_killed(harmed, _flow):
    harmed.service.end(signal.SIGKILL)
    harmed.service.start()


def controller_frozen(harmed, flow):
    harmed.service.process.send_signal(signal.SIGSTOP)
    let_pass_by(flow)
    harmed.service.process.send_signal(signal.SIGCONT)


def agent_frozen(harmed, flow):
    harmed.signal_agent(HOST, signal.SIGSTOP)
    try:
        let_pass_by(flow)
    finally:
        harmed.signal_agent(HOST, signal.SIGCONT)


def agent_killed(harmed, _flow):
    harmed.kill_agent(HOST)
    harmed.start_agent(HOST)


BRIDGED = {
    "the controller is killed and started anew": controller_killed,
    "the controller is frozen for two seconds": controller_frozen,
    "an agent is frozen for two seconds": agent_frozen,
}


@pytest.mark.parametrize("harm", BRIDGED)
@pytest.mark.parametrize("stage", ["ready", "tracing"])
def test_what_is_bridged_changes_no_answer(harmed, undisturbed, stage, harm):
    for answer, report in carried_out(harmed, BRIDGED[harm], stage):
        assert facts(answer) == undisturbed, answer
        assert report.lost == 0
    harmed.nothing_is_left()


@pytest.mark.parametrize("harm", BRIDGED)
def test_what_is_bridged_while_collecting_changes_no_answer(harmed, undisturbed_loss, harm):
    with broken(harmed.cloud):
        ended = carried_out(harmed, BRIDGED[harm], "collecting")

    for answer, _ in ended:
        assert facts(answer) == undisturbed_loss, answer
    harmed.nothing_is_left()


@pytest.mark.parametrize("stage", STAGES)
def test_an_agent_killed_and_started_anew_accuses_nobody_and_says_why(harmed, stage):
    for ended, report in carried_out(harmed, agent_killed, stage):
        assert report.lost == 0
        assert_accuses_nobody_and_says_why(ended)
    harmed.nothing_is_left()


def assert_accuses_nobody_and_says_why(ended):
    assert ended.get("findings", []) == []
    if ended.get("state") == "failed":  # an answer has no state
        assert "no source could be colored" in ended["error"], ended
    elif ended["verdict"] == "DELIVERED":
        assert ended["total"] == sum(path["packets"] for path in ended["paths"])
    else:
        assert ended["verdict"] == "UNDETERMINED", ended["summary"]
        assert {each["code"] for each in ended["undetermined"]} == {"AGENT_DOWN"}
        texts = " ".join(each["text"] for each in ended["undetermined"])
        assert "was started anew" in texts or "died" in texts  # it was back in time, or not


def test_a_controller_that_comes_too_late_says_what_was_missed(harmed):
    with traffic(harmed.cloud, *WAYS[0]) as flow:
        name = harmed.begun(packet_count=100_000)
        harmed.reach(name, "tracing")
        let_pass(flow, 100)
        harmed.service.end(signal.SIGKILL)
        harmed.nothing_is_left()
        harmed.service.start()
        answer = harmed.ended(name)
        assert flow.stop().lost == 0

    assert answer["findings"] == []
    if answer["verdict"] != "DELIVERED":  # then all that had been colored was accounted for
        assert answer["verdict"] == "UNDETERMINED", answer["summary"]
        assert "its controller was away too long" in answer["undetermined"][0]["text"]


@contextmanager
def counted_color(cloud, sender):
    """Count what a VM's vSwitch gets from it in color, by a rule of nftables."""
    netns = cloud.host(cloud.vm(sender).host).vswitch
    chain = (
        "type filter hook prerouting priority 0; "
        f'iifname "{cloud.vm(sender).port}" ip dscp {COLOR} counter name colored;'
    )
    cloud.exec(
        netns, ["nft", f"table bridge seen {{ counter colored {{}}; chain seen {{ {chain} }}; }}"]
    )

    def count():
        said = cloud.exec(netns, ["nft", "list", "counter", "bridge", "seen", "colored"]).stdout
        return int(re.search(r"packets (\d+)", said)[1])

    try:
        yield count
    finally:
        cloud.exec(netns, ["nft", "delete table bridge seen"])


def test_an_agent_frozen_beyond_its_lease_colors_no_more_and_recovers(harmed, undisturbed):
    """It is one task's source and another's receiver."""
    ends = dict(zip(("receiver", "source"), WAYS, strict=True))
    lasting = {"source": 60, "receiver": 12}  # so that no trace time ends what the lease must
    with ExitStack() as stack:
        flows = {at: stack.enter_context(traffic(harmed.cloud, *pair)) for at, pair in ends.items()}
        colored = stack.enter_context(counted_color(harmed.cloud, "green-db"))
        names = {
            at: harmed.begun(filter=between(*pair), packet_count=100_000, trace_time=lasting[at])
            for at, pair in ends.items()
        }
        for at, name in names.items():
            harmed.reach(name, "tracing")
            let_pass(flows[at], 100)
        harmed.signal_agent(HOST, signal.SIGSTOP)
        stack.callback(harmed.signal_agent, HOST, signal.SIGCONT)
        before = colored()
        eventually(lambda: colored() > before, what="the frozen agent's program to color")

        def has_stopped():
            seen = colored()
            let_pass(flows["source"], 40)  # of which some would be colored
            return colored() == seen

        eventually(has_stopped, within_s=BEYOND_LEASE_S, what="it to color no more")
        answers = {at: harmed.ended(name) for at, name in names.items()}
        assert has_stopped()
        harmed.signal_agent(HOST, signal.SIGCONT)
        assert [flow.stop().lost for flow in flows.values()] == [0, 0]

    assert (answers["source"]["verdict"], answers["source"]["findings"]) == ("DELIVERED", [])
    assert answers["receiver"]["verdict"] == "UNDETERMINED", answers["receiver"]["summary"]
    assert answers["receiver"]["findings"] == []
    (reason,) = answers["receiver"]["undetermined"]
    assert reason["code"] == "AGENT_DOWN"
    assert f"host {HOST} did not answer any more" in reason["text"]
    harmed.nothing_is_left()
    assert undisturbed_facts(harmed) == undisturbed


def test_a_full_disk_at_an_agent_harms_no_packet_and_no_answer_that_fits_into_memory(
    harmed, undisturbed
):
    spool = spool_of(harmed.agents[HOST])
    spool.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", spool], check=True)
    try:
        (spool / "full").write_bytes(b"x" * 4096)
        ended = carried_out(harmed, controller_killed, "tracing")
    finally:
        subprocess.run(["umount", spool], check=True)

    for answer, report in ended:
        assert facts(answer) == undisturbed, answer
        assert report.lost == 0
    harmed.nothing_is_left()


def test_a_full_disk_at_the_controller_is_said_and_the_answer_kept_when_there_is_room(harmed):
    state = harmed.service.folder / "small"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", state], check=True)
    service = Service(harmed.cloud, state)
    small = Harmed(harmed.cloud, service, agents=harmed.agents)
    try:
        service.start()
        with traffic(harmed.cloud, *WAYS[0]) as flow:
            name = small.begun()
            small.reach(name, "tracing")
            with (state / "filler").open("wb", buffering=0) as filler, suppress(OSError):
                while True:
                    filler.write(b"x" * 4096)
            with service.client() as client:
                other = {"srcVM_ID": "blue-web", "dstVM_ID": "blue-app"}
                refused = client.post("/v1/traces", json=ASKED | {"filter": other})
            let_pass(flow, 600)  # until after its two seconds
            (state / "filler").unlink()
            answer = small.ended(name)
        assert answer["verdict"] == "DELIVERED", answer
        assert refused.status_code == 503, refused.text
        assert "make room" in refused.text
    finally:
        service.close()
        subprocess.run(["umount", state], check=True)
    harmed.nothing_is_left()
