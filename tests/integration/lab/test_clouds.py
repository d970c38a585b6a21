"""Clouds come up complete, side by side, and leave nothing behind however they end."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from dyetrace.lab import agents, state, traffic
from dyetrace.lab.cloud import Cloud
from dyetrace.lab.errors import AgentNotReady, BadName, CloudAlreadyUp, UnknownName
from dyetrace.lab.kinds import KINDS
from dyetrace.lab.lifecycle import take_down
from dyetrace.lab.namespaces import existing

NameMaker = Callable[[str], str]

BUILDER = """
import signal, sys
from dyetrace.lab.cloud import Cloud
# Whoever runs tests in the background ignores Ctrl-C, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
Cloud.up("nat", name=sys.argv[1], agents=False)
"""


def interrupt_while_building(name: str, number: signal.Signals) -> int:
    """Start a build in a process of its own, and signal it as soon as there are namespaces."""
    builder = subprocess.Popen([sys.executable, "-c", BUILDER, name], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not existing(name):
        assert builder.poll() is None, "the build ended before it had begun"
        assert time.monotonic() < deadline
    builder.send_signal(number)
    return builder.wait(timeout=10)


@pytest.mark.parametrize("kind", [kind.kind for kind in KINDS])
def test_a_cloud_carries_traffic_the_moment_it_is_up(kind: str, fresh_name: NameMaker) -> None:
    with Cloud.build(kind, name=fresh_name(kind)) as cloud:
        for family in (4, 6):
            report = traffic.exchange(cloud, *cloud.example, family=family, count=3, deadline=0.5)
            assert report.received == 3, cloud.dump()


def test_a_cloud_leaves_nothing_behind(fresh_name: NameMaker) -> None:
    with Cloud.build("three-hosts", name=fresh_name("gone")) as cloud:
        assert existing(cloud.name)

    assert not existing(cloud.name)
    assert list(state.CLOUDS.glob(f"*{cloud.name}*")) == []


def test_each_host_has_an_agent_while_the_cloud_is_up(fresh_name: NameMaker) -> None:
    with Cloud.build("one-host", name=fresh_name("agents"), agents=True) as cloud:
        (agent,) = cloud.agents
        assert agents.is_running(agent)
        assert agent.socket.is_socket()
        assert agent.netns == (f"dt.{cloud.name}.cn-1.*",)

    assert not agents.is_running(agent)
    assert not agent.socket.exists()


def test_an_agent_that_does_not_start_takes_the_cloud_with_it(
    fresh_name: NameMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = fresh_name("bad-agent")
    monkeypatch.setattr(agents, "PROGRAM", (sys.executable, "-c", "raise SystemExit('no')"))

    with pytest.raises(AgentNotReady, match="no"):
        Cloud.up("one-host", name=name, agents=True)

    assert not existing(name)


def test_taking_down_what_is_not_up_does_no_harm(fresh_name: NameMaker) -> None:
    take_down(fresh_name("never"))


def test_clouds_of_one_kind_stand_side_by_side(fresh_name: NameMaker) -> None:
    with (
        Cloud.build("one-host", name=fresh_name("left")) as left,
        Cloud.build("one-host", name=fresh_name("right")) as right,
    ):
        left.vm("db")
        take_down(left.name)
        report = traffic.exchange(right, "web", "db", count=3)

    assert report.received == 3


def test_a_name_can_be_used_once_at_a_time(fresh_name: NameMaker) -> None:
    with Cloud.build("one-host", name=fresh_name("twice")) as cloud, pytest.raises(CloudAlreadyUp):
        Cloud.up("one-host", name=cloud.name, agents=False)


def test_a_refused_build_leaves_the_first_cloud_alone(fresh_name: NameMaker) -> None:
    with Cloud.build("one-host", name=fresh_name("first")) as cloud:
        with pytest.raises(CloudAlreadyUp):
            Cloud.up("three-hosts", name=cloud.name, agents=False)
        report = traffic.exchange(cloud, "web", "db", count=3)

    assert report.received == 3


@pytest.mark.parametrize("name", ["", "Up", "a.b", "a/b", "-a", "x" * 41])
def test_a_name_that_cannot_be_part_of_a_path_is_refused(name: str) -> None:
    with pytest.raises(BadName):
        take_down(name)


def test_an_unknown_kind_is_answered_with_the_nearest(fresh_name: NameMaker) -> None:
    with pytest.raises(UnknownName, match="did you mean three-hosts"):
        Cloud.up("three-host", name=fresh_name("kind"), agents=False)


def test_ctrl_c_in_mid_build_leaves_nothing_behind(fresh_name: NameMaker) -> None:
    name = fresh_name("ctrl-c")

    assert interrupt_while_building(name, signal.SIGINT) != 0

    assert not existing(name)
    assert name not in Cloud.names()


def test_the_remains_of_a_killed_build_can_be_taken_down(fresh_name: NameMaker) -> None:
    name = fresh_name("killed")
    interrupt_while_building(name, signal.SIGKILL)
    assert existing(name)

    take_down(name)

    assert not existing(name)
    assert name not in Cloud.names()


def test_the_state_says_where_each_vnic_is(three_hosts: Cloud) -> None:
    content = json.loads(state.path_of(three_hosts.name).read_text())

    web = next(vm for vm in content["vms"] if vm["id"] == "blue-web")
    assert web == {
        "id": "blue-web",
        "tenant": "blue",
        "nics": [
            {
                "id": "blue-web-eth0",
                "host": "cn-1",
                "netns": f"dt.{three_hosts.name}.cn-1.vswitch",
                "port": "v-blue-web",
                "mac": three_hosts.vm("blue-web").mac,
                "addresses": ["10.0.1.11", "fd00:0:0:1::11"],
            }
        ],
    }
    assert content["cloud"] == three_hosts.name
    assert content["kind"] == "three-hosts"
    assert content["agents"] == []


def test_the_declared_mac_and_port_are_the_real_ones(three_hosts: Cloud) -> None:
    for vm in three_hosts.vms:
        link = json.loads(three_hosts.exec(vm, ["ip", "-json", "link", "show", "eth0"]).stdout)[0]
        port = json.loads(
            three_hosts.exec(vm.port_netns, ["ip", "-json", "link", "show", vm.port]).stdout
        )[0]
        assert (link["address"], link["mtu"]) == (vm.mac, vm.mtu)
        assert link["link_index"] == port["ifindex"]


def test_the_state_is_for_root_only(three_hosts: Cloud) -> None:
    path = state.path_of(three_hosts.name)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.stat().st_uid == os.geteuid()


def test_a_cloud_that_is_up_can_be_loaded(three_hosts: Cloud) -> None:
    loaded = Cloud.load(three_hosts.name)

    assert loaded.vms == three_hosts.vms
    assert loaded.hosts == three_hosts.hosts


def test_tenants_with_the_same_addresses_do_not_meet(three_hosts: Cloud) -> None:
    assert three_hosts.vm("blue-db").addresses == three_hosts.vm("green-db").addresses

    with traffic.flowing(three_hosts, "green-web", "green-db", port=6000, rate=200) as green:
        blue = traffic.exchange(three_hosts, "blue-web", "blue-db", port=6000, count=20)
        seen_by_green = green.stop()

    assert blue.sent == blue.received == 20
    assert seen_by_green.sent == seen_by_green.received


def test_every_vm_of_a_tenant_reaches_every_other(three_hosts: Cloud) -> None:
    blue = [vm for vm in three_hosts.vms if vm.tenant == "blue"]
    unreached = [
        (source.id, destination.id, family)
        for source in blue
        for destination in blue
        for family in (4, 6)
        if source is not destination
        and traffic.exchange(three_hosts, source, destination, family=family, count=1).received != 1
    ]

    assert unreached == []


def test_an_idle_vm_gets_no_copies_of_other_vms_packets(three_hosts: Cloud) -> None:
    """Bridges know all members from the start, so they never flood."""
    before = frames_received(three_hosts, "blue-app")

    traffic.exchange(three_hosts, "blue-web", "blue-db", count=200, interval=0.001)

    assert frames_received(three_hosts, "blue-app") - before < 100


def frames_received(cloud: Cloud, vm: str) -> int:
    """Read a vNIC's counter of received frames."""
    shown = cloud.exec(cloud.vm(vm), ["ip", "-json", "-statistics", "link", "show", "eth0"])
    return int(json.loads(shown.stdout)[0]["stats64"]["rx"]["packets"])
