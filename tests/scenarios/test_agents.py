"""Agents that die, rings that overflow, colors that are configured: what the verdict says then."""

import json
import os
import re
import signal
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from dyetrace.errors import PolicyRefused, TaskAlreadyActive
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.traffic import exchange, flowing
from dyetrace.model.task import TaskState
from support.attached import attached_programs
from support.diagnosis import diagnose, eventually, explained, filter_of, trace


@pytest.fixture
def own_cloud(monkeypatch):
    """Clouds of a test's own: three-hosts, with agents that get these settings."""
    up = []

    def make(kind="three-hosts", **settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"DYETRACE_AGENT_{name.upper()}", value)
        cloud = Cloud.up(kind, name=f"t{os.getpid()}-own{len(up)}")
        up.append(cloud)
        return cloud

    yield make
    for cloud in up:
        cloud.down()


def traced_in_background(cloud, wanted, store, *, packets, time_s=15.0):
    answers = []
    tracer = threading.Thread(
        target=lambda: answers.append(
            trace(cloud, wanted, store=store, packets=packets, time_s=time_s)
        )
    )
    tracer.start()
    return tracer, answers


def wait_for_coloring(flow, store):
    """Wait until the task colors, and some packets have come since."""
    eventually(
        lambda: [task for task in store.list() if task.state is TaskState.TRACING],
        what="tracing to begin",
    )
    seen = flow.report().received
    eventually(lambda: flow.report().received > seen + 100, what="some packets to be traced")


def test_a_killed_agent_leaves_nothing_attached_and_no_false_accusation(own_cloud, store):
    cloud = own_cloud()
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(cloud, "blue-web", "blue-db", rate=200, duration=30) as flow:
        tracer, answers = traced_in_background(cloud, wanted, store, packets=600, time_s=6.0)
        wait_for_coloring(flow, store)
        victim = next(agent for agent in cloud.agents if agent.host == "cn-3")
        os.kill(victim.pid, signal.SIGKILL)
        tracer.join()
        report = flow.stop()
    answer = answers[0]

    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert {unknown["code"] for unknown in answer["undetermined"]} == {"AGENT_DOWN"}
    assert answer["findings"] == []
    assert report.lost == 0, "no packet may be harmed"
    eventually(lambda: attached_programs(cloud) == 0, what="all programs to be gone")


def test_a_killed_source_agent_gives_undetermined(own_cloud, store):
    cloud = own_cloud()
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(cloud, "blue-web", "blue-db", rate=200, duration=30) as flow:
        tracer, answers = traced_in_background(cloud, wanted, store, packets=5000)
        wait_for_coloring(flow, store)
        victim = next(agent for agent in cloud.agents if agent.host == "cn-1")
        os.kill(victim.pid, signal.SIGKILL)
        tracer.join()
        report = flow.stop()

    assert answers[0]["verdict"] in {"UNDETERMINED", "DELIVERED"}, explained(answers[0])
    assert answers[0]["findings"] == []
    assert report.lost == 0
    eventually(lambda: attached_programs(cloud) == 0, what="all programs to be gone")


def test_an_agent_that_is_down_from_the_start_is_named(own_cloud, store):
    cloud = own_cloud()
    victim = next(agent for agent in cloud.agents if agent.host == "cn-3")
    os.kill(victim.pid, signal.SIGKILL)

    answer, truth = diagnose(cloud, "blue-web", "blue-db", store=store)

    assert truth.lost == 0
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert answer["undetermined"][0]["code"] in {"AGENT_DOWN", "NO_AGENT"}


def test_a_ring_too_small_for_the_load_gives_records_lost(own_cloud, store):
    cloud = own_cloud(ring_kib="4")
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(cloud, "blue-web", "blue-db", rate=5000, duration=20) as flow:
        answer = trace(cloud, wanted, store=store, packets=2000, time_s=5)
        report = flow.stop()

    assert report.lost == 0
    assert answer["verdict"] == "UNDETERMINED", explained(answer)
    assert {unknown["code"] for unknown in answer["undetermined"]} == {"RECORDS_LOST"}
    assert answer["cost"]["records_lost"] > 0


@pytest.mark.parametrize("family", [4, 6])
def test_a_tenants_own_dscp_is_given_back_intact(own_cloud, store, family):
    cloud = own_cloud(colors="0:43,46:47")

    answer, truth = diagnose(
        cloud, "blue-web", "blue-db", store=store, family=family, dscp=46, packets=40
    )

    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert set(truth.dscp_seen) == {46}
    assert truth.lost == 0


def test_a_class_without_a_color_is_left_alone_and_said(own_cloud, store):
    cloud = own_cloud()
    wanted = filter_of(cloud, "blue-web", "blue-db", protocol="udp", family=4)
    with flowing(cloud, "blue-web", "blue-db", rate=100, duration=20, dscp=46) as flow:
        answer = trace(cloud, wanted, store=store, time_s=1.0)
        report = flow.stop()

    assert answer["verdict"] == "NOT_SEEN"
    assert answer["undetermined"][0]["code"] == "NOT_COLORABLE"
    assert set(report.dscp_seen) == {46}


def test_a_sender_that_uses_a_color_itself_is_left_alone_and_said(own_cloud, store):
    cloud = own_cloud()
    wanted = filter_of(cloud, "blue-web", "blue-app", protocol="udp", family=4)
    with flowing(cloud, "blue-web", "blue-app", rate=100, duration=20, dscp=43) as flow:
        answer = trace(cloud, wanted, store=store, time_s=1.0)
        flow.stop()

    assert answer["verdict"] == "NOT_SEEN"
    assert answer["undetermined"][0]["code"] == "ALREADY_COLORED"


def test_nothing_is_attached_when_no_task_is_active(own_cloud, store):
    cloud = own_cloud("one-host")
    assert attached_programs(cloud) == 0
    wanted = filter_of(cloud, "web", "db", protocol="udp", family=4)
    with flowing(cloud, "web", "db", rate=200, duration=20) as flow:
        tracer, answers = traced_in_background(cloud, wanted, store, packets=200, time_s=5.0)
        wait_for_coloring(flow, store)
        assert attached_programs(cloud) > 0
        tracer.join()

    assert answers[0]["verdict"] == "DELIVERED"
    eventually(lambda: attached_programs(cloud) == 0, what="the programs to be gone")


def test_the_same_filter_is_refused_while_it_is_active(own_cloud, store):
    cloud = own_cloud("one-host")
    wanted = filter_of(cloud, "web", "db", protocol="udp", family=4)
    tracer, answers = traced_in_background(cloud, wanted, store, packets=20, time_s=3.0)
    active = eventually(lambda: [task for task in store.list() if not task.state.is_final])

    with pytest.raises(TaskAlreadyActive, match=active[0].id):
        trace(cloud, wanted, store=store)

    tracer.join()
    assert answers[0]["verdict"] == "NOT_SEEN"
    answer = trace(cloud, wanted, store=store, time_s=0.3)
    assert answer["verdict"] == "NOT_SEEN"


def test_an_interface_that_vanishes_during_a_trace_harms_nothing_else(own_cloud, store):
    cloud = own_cloud("one-host")
    wanted = replace(filter_of(cloud, "web", "db", protocol="udp", family=4), protocol=None)
    with flowing(cloud, "web", "db", rate=200, duration=20) as flow:
        tracer, answers = traced_in_background(cloud, wanted, store, packets=600, time_s=5.0)
        wait_for_coloring(flow, store)
        cloud.exec(cloud.vm("app").netns, ["ip", "link", "del", "eth0"])
        tracer.join()
        report = flow.stop()

    assert answers[0]["verdict"] == "DELIVERED", explained(answers[0])
    assert report.lost == 0
    eventually(lambda: attached_programs(cloud) == 0, what="the programs to be gone")


def test_a_source_port_that_has_vanished_is_a_clear_error(own_cloud, store):
    cloud = own_cloud("one-host")
    wanted = filter_of(cloud, "web", "db", protocol="udp", family=4)
    cloud.exec(cloud.vm("web").netns, ["ip", "link", "del", "eth0"])

    with pytest.raises(Exception, match="no port is known where packets"):
        trace(cloud, wanted, store=store, time_s=0.5)
    assert PolicyRefused.__doc__
    assert exchange


def our_filters(cloud):
    """The handles of our clsact filters in a host's vSwitch namespace, by tc's own list."""
    netns = cloud.host("cn-1").vswitch
    links = json.loads(cloud.exec(netns, ["ip", "-j", "link", "show"]).stdout)
    listed = [
        cloud.exec(netns, ["tc", "filter", "show", "dev", link["ifname"], way]).stdout
        for link in links
        for way in ("ingress", "egress")
    ]
    return re.findall("handle (0xd7e[01])", " ".join(listed))


def test_kernels_without_tcx_get_clsact_which_is_cleaned_up_after_a_kill(own_cloud, store):
    cloud = own_cloud("one-host", clsact="1")
    wanted = filter_of(cloud, "web", "db", protocol="udp", family=4)
    with flowing(cloud, "web", "db", rate=200, duration=30) as flow:
        tracer, _ = traced_in_background(cloud, wanted, store, packets=4000)
        wait_for_coloring(flow, store)
        assert our_filters(cloud), "clsact filters must be at work"
        agent = cloud.agents[0]
        command = Path(f"/proc/{agent.pid}/cmdline").read_bytes().decode().split("\0")[:-1]
        os.kill(agent.pid, signal.SIGKILL)
        tracer.join()
        assert flow.stop().lost == 0
    assert our_filters(cloud), "clsact has no owner: a killed agent leaves its filters"

    agent.socket.unlink()
    with subprocess.Popen(command) as again:
        try:
            eventually(agent.socket.exists, what="the agent to listen again")
            answer, truth = diagnose(cloud, "web", "db", store=store)
            eventually(lambda: not our_filters(cloud), what="the filters to be gone")
        finally:
            again.terminate()

    assert answer["verdict"] == "DELIVERED", explained(answer)
    assert truth.lost == 0
