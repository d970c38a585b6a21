"""A cloud that is up beside a host of its own: each agent keeps to its namespaces."""

import json
import signal

import pytest

from support.diagnosis import eventually
from support.own_host import send

HOSTS = ("cn-1", "cn-2", "cn-3")
WEB_TO_DB = ("--src", "blue-web", "--dst", "blue-db")


@pytest.fixture(scope="module", autouse=True)
def cloud(host):
    """A lab cloud with its agents, where blue-web pings blue-db; and an own bridge."""
    done = host.dyetrace("lab", "up", "three-hosts")
    assert done.returncode == 0, done.stderr
    host.ip("link add br0 type bridge", "link set br0 up")
    host.plug("br0", "mine", "10.7.0.1/24")
    host.plug("br0", "yours", "10.7.0.2/24")
    host.ping("dt.three-hosts.cn-1.vm-blue-web", "10.0.2.21")
    host.ping("mine", "10.7.0.2")


def test_doctor_tells_the_clouds_agents_from_this_hosts_ports(host):
    found = json.loads(host.dyetrace("doctor", "-o", "json").stdout)

    (cloud,) = found["clouds"]
    assert [(agent["host"], agent["answers"]) for agent in cloud["agents"]] == [
        (name, True) for name in HOSTS
    ]
    mine = {port["name"] for vfd in found["vfds"] for port in vfd["ports"]}
    theirs = {p["name"] for a in cloud["agents"] for vfd in a["vfds"] for p in vfd["ports"]}
    assert {"to-mine", "to-yours"} <= mine
    assert not mine & theirs


def test_the_hosts_agent_leaves_a_clouds_colors_alone(host):
    tracing = host.start_dyetrace("trace", *WEB_TO_DB, "--packets", "400", "-o", "json")
    host.wait_for("tracing")
    own = host.answer("trace", "--cloud", "host", "--src", "mine", "--dst", "yours")
    out, said = tracing.communicate()

    assert own["verdict"] == "DELIVERED"
    assert tracing.returncode == 0, said
    assert json.loads(out)["total"] == 400


def test_an_interrupted_trace_is_cleaned_up_on_all_hosts(host):
    process = host.start_dyetrace("trace", *WEB_TO_DB, "--packets", "20000", "--rate", "50")
    host.wait_for("tracing")
    eventually(lambda: host.links() > 3, what="programs to be attached")

    send(process, signal.SIGINT)
    _, said = process.communicate()

    assert process.returncode == 130
    assert "nothing of it is left on cn-1, cn-2, cn-3" in said
    eventually(lambda: host.links() == 0, what="the programs to be gone")
    assert host.state_of() == "cancelled"
