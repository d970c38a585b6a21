"""The network by which hosts are managed is cut at each stage of a task, for a while or for long.

It is not the one that is traced: each agent is in a network of its own, whose only
cable leads to the controller, and joins by TLS.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.faults import UnderlayLoss
from dyetrace.lab.namespaces import existing, prefix_of
from support.attached import tcx_programs
from support.diagnosis import eventually
from support.harmed import (
    BEYOND_LEASE_S,
    Harmed,
    between,
    broken,
    carried_out,
    facts,
    let_pass,
    let_pass_by,
    traffic,
    undisturbed_facts,
    undisturbed_facts_of_loss,
)
from support.joined_far import FarAgents
from support.service import Service

FEW = 10
# Of the long cut's tasks, by what they are at when cn-2 and cn-3 are cut off; web is on cn-1.
ENDS = {
    "tracing at the source": ("green-db", "green-web"),
    "tracing at the receiver": ("green-web", "green-db"),
    "collecting": ("blue-web", "blue-app"),
    "ready": ("blue-web", "blue-db"),
}


def asked(stage):
    """Ask for a task that is at a stage when that is wanted; one that is collecting lost all."""
    return {
        "filter": between(*ENDS[stage]),
        "packet_count": FEW if stage == "collecting" else 100_000,
        "trace_time": 10,
    }


class Scattered(Harmed):
    """A cloud whose agents are far from their controller."""

    far: FarAgents

    def attached_at(self, host: str) -> int:
        """Count programs on the devices of a host, by the kernel's own lists."""
        ours = f"{prefix_of(self.cloud.name)}{host}."
        return sum(tcx_programs(each) for each in existing(self.cloud.name) if ours in each)

    @contextmanager
    def cut(self, *hosts: str) -> Iterator[None]:
        """Have these hosts' cables out."""
        for host in hosts:
            self.far.networks[host].pull_out()
        try:
            yield
        finally:
            for host in hosts:
                self.far.networks[host].plug_in()


@pytest.fixture(scope="module")
def scattered(tmp_path_factory) -> Iterator[Scattered]:
    with ExitStack() as stack:
        cloud = Cloud.up("three-hosts", name=f"t{os.getpid()}-far", agents=False)
        stack.callback(cloud.down)
        service = Service(cloud, tmp_path_factory.mktemp("state"), "--gate", "0.0.0.0:0")
        stack.callback(service.close)
        service.start()
        far = stack.enter_context(FarAgents(cloud, service))
        far.join(*cloud.description.hosts)
        made = Scattered(cloud, service, agents=far.agents)
        made.far = far
        yield made


@pytest.fixture(scope="module")
def undisturbed(scattered):
    return undisturbed_facts(scattered)


@pytest.fixture(scope="module")
def undisturbed_loss(scattered):
    return undisturbed_facts_of_loss(scattered)


def cut_for_two_seconds(scattered, flow):
    with scattered.cut("cn-3"):
        let_pass_by(flow)


@pytest.mark.parametrize("stage", ["ready", "tracing"])
def test_a_network_cut_for_a_while_changes_no_answer(scattered, undisturbed, stage):
    for answer, report in carried_out(scattered, cut_for_two_seconds, stage):
        assert facts(answer) == undisturbed, answer
        assert report.lost == 0
    scattered.nothing_is_left()


def test_a_network_cut_for_a_while_at_collecting_changes_no_answer(scattered, undisturbed_loss):
    with broken(scattered.cloud):
        ended = carried_out(scattered, cut_for_two_seconds, "collecting")

    for answer, _ in ended:
        assert facts(answer) == undisturbed_loss, answer
    scattered.nothing_is_left()


def test_a_network_cut_for_long_ends_tasks_of_every_stage_with_the_reason(scattered, undisturbed):
    """Two hosts are cut off: the one that a task colors at, and those that others log at."""
    cloud = scattered.cloud
    with ExitStack() as stack:
        flows = {ends: stack.enter_context(traffic(cloud, *ends)) for ends in ENDS.values()}
        stack.callback(cloud.heal)
        cloud.inject(UnderlayLoss(destination="cn-2"))
        names = {stage: scattered.begun(**asked(stage)) for stage in ENDS if "tracing" in stage}
        for name in names.values():
            scattered.reach(name, "tracing")
        let_pass(flows[ENDS["tracing at the receiver"]], 100)
        names["collecting"] = scattered.begun(**asked("collecting"))
        scattered.reach(names["collecting"], "collecting")
        names["ready"] = scattered.begun(**asked("ready"))
        with scattered.cut("cn-2", "cn-3"):
            eventually(
                lambda: not scattered.attached_at("cn-2") + scattered.attached_at("cn-3"),
                within_s=BEYOND_LEASE_S,
                what="the leases to end",
            )
            ended = {stage: scattered.ended(name) for stage, name in names.items()}
        losses = {ends: flow.stop().lost for ends, flow in flows.items()}

    of_source = ended.pop("tracing at the source")  # it tells of what was heard before the cut
    assert (of_source["verdict"], of_source["findings"]) == ("DELIVERED", []), of_source
    assert of_source["total"] == sum(path["packets"] for path in of_source["paths"])
    if ended["collecting"]["verdict"] == "LOST":  # a slow machine had collected all by then
        assert ended.pop("collecting")["lost"] == FEW
    for stage, end in ended.items():
        assert end.get("verdict") == "UNDETERMINED", (stage, end)
        assert end["findings"] == [], stage
        assert {each["code"] for each in end["undetermined"]} == {"AGENT_DOWN"}, (stage, end)
        assert "was out of reach for too long" in end["undetermined"][0]["text"], stage
    assert [ends for ends, lost in losses.items() if lost] == [ENDS["collecting"]]
    scattered.far.wait_in("cn-2", "cn-3")
    assert undisturbed_facts(scattered) == undisturbed
