"""A host that nobody configured: bridges, routers and containers as `ip` makes them."""

import json
import os
import sys
from pathlib import Path

import pytest

from support.diagnosis import eventually
from support.own_host import OwnHost

UNSHARED = f"{sys.executable} -c 'import time; time.sleep(600)'"


@pytest.fixture(scope="module", autouse=True)
def network(host):
    """web, db and a nameless container on br0; far behind the router namespace."""
    host.ip("link add br0 type bridge", "link set br0 up")
    for number, name in enumerate(("web", "db"), start=1):
        host.plug("br0", name, f"10.7.0.{number}/24")
        host.ip("route add default via 10.7.0.254", netns=name)
    host.ip(
        "netns add router",
        "netns add far",
        "link add to-router type veth peer name near netns router",
        "link set to-router master br0 up",
    )
    host.ip(
        "link add away type veth peer name eth0 netns far",
        "addr add 10.7.0.254/24 dev near",
        "addr add 10.8.0.254/24 dev away",
        "link set near up",
        "link set away up",
        netns="router",
    )
    host.do("ip", "netns", "exec", "router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
    host.ip(
        "addr add 10.8.0.1/24 dev eth0",
        "link set eth0 up",
        "route add default via 10.8.0.254",
        netns="far",
    )
    container(host)
    host.ping("web", "10.7.0.2")
    host.ping("web", "10.8.0.1")
    host.ping("web", "10.7.0.3")
    return host


def container(host: OwnHost) -> None:
    """A process in a network namespace without a name, as container runtimes make them."""
    process = host.start("unshare", "--net", "sh", "-c", f"exec {UNSHARED}")
    mark = "import time; time.sleep(600)"
    pid = eventually(lambda: host.processes(mark), what="the container to start")[0]
    host_net = Path(f"/proc/{host.first}/ns/net").readlink()
    eventually(lambda: Path(f"/proc/{pid}/ns/net").readlink() != host_net, what="its own network")
    inside = host.do("sh", "-c", "pgrep -f 'time.sleep.600' | head -1").strip()
    host.ip(
        f"link add to-box type veth peer name eth0 netns {inside}", "link set to-box master br0 up"
    )
    for line in ("addr add 10.7.0.3/24 dev eth0", "link set eth0 up"):
        host.do("nsenter", f"--target={inside}", "--net", "ip", *line.split())
    assert process.poll() is None


def trace(host, *arguments, status=0):
    return host.answer("trace", "--cloud", "host", *arguments, status=status)


def vfds(answer):
    return [hop["vfd"] for hop in answer["paths"][0]["hops"]]


def test_packets_across_a_bridge_are_followed_by_address(host):
    answer = trace(host, "--src", "10.7.0.1", "--dst", "10.7.0.2", "--proto", "icmp")

    assert answer["verdict"] == "DELIVERED"
    assert vfds(answer) == ["br0", "br0"]
    assert [hop["port"] for hop in answer["paths"][0]["hops"]] == ["to-web", "to-db"]


def test_endpoints_can_be_named_by_their_namespaces(host):
    answer = trace(host, "--src", "web", "--dst", "db")

    assert answer["verdict"] == "DELIVERED"
    assert "to db" in answer["summary"]


def test_packets_through_a_router_namespace_are_followed(host):
    answer = trace(host, "--src", "web", "--dst", "10.8.0.1")

    assert answer["verdict"] == "DELIVERED"
    assert vfds(answer) == ["br0", "br0", "router", "router"]


def test_a_process_in_a_nameless_namespace_is_an_endpoint(host):
    answer = trace(host, "--src", "web", "--dst", "10.7.0.3")

    assert answer["verdict"] == "DELIVERED"
    assert answer["paths"][0]["hops"][-1]["port"] == "to-box"


def test_a_rule_that_drops_in_the_router_is_named(host):
    rule = 'ip daddr 10.8.0.1 drop comment "no way"'
    with host.dropping("inet", rule, netns="router"):
        answer = trace(host, "--src", "web", "--dst", "10.8.0.1", status=10)

    assert answer["verdict"] == "LOST"
    assert answer["findings"][0]["vfd"] == "router"
    assert "no way" in answer["findings"][0]["object"]
    assert trace(host, "--src", "web", "--dst", "10.8.0.1")["verdict"] == "DELIVERED"


def test_a_rule_that_drops_in_the_bridge_is_named(host):
    with host.dropping("bridge", "ip daddr 10.7.0.2 drop"):
        answer = trace(host, "--src", "10.7.0.1", "--dst", "10.7.0.2", status=10)

    assert answer["findings"][0]["vfd"] == "br0"
    assert answer["findings"][0]["code"].endswith("ACL_DENY")


def test_two_traces_at_once_start_one_agent(host):
    for pid in host.agents():
        os.kill(pid, 15)
    eventually(lambda: not host.agents(), what="the agent to end")
    traces = [
        host.start_dyetrace("trace", "--cloud", "host", "--src", "web", "--dst", destination, "-q")
        for destination in ("10.7.0.2", "10.8.0.1", "10.7.0.3")
    ]
    seen = set()
    while any(each.poll() is None for each in traces):
        seen.update(host.agents())

    assert [each.returncode for each in traces] == [0, 0, 0], [
        each.communicate() for each in traces
    ]
    assert len(host.agents()) == 1


def test_an_idle_agent_holds_no_program_and_exits(host):
    for pid in host.agents():
        os.kill(pid, 15)
    eventually(lambda: not host.agents(), what="the agent to end")
    done = host.dyetrace(
        "trace", "--cloud", "host", "--src", "web", "--dst", "db",
        env={"DYETRACE_AGENT_IDLE_S": "0.5"},
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    eventually(lambda: host.links() == 0, what="the programs to be gone")
    eventually(lambda: not host.agents(), what="the agent to exit")


def test_doctor_tells_ports_and_endpoints(host):
    found = json.loads(host.dyetrace("doctor", "-o", "json").stdout)

    assert found["is_able"]
    ports = {port["name"]: port for vfd in found["vfds"] for port in vfd["ports"]}
    assert ports["to-web"]["nic"]["vm"] == "web"
    assert ports["to-web"]["nic"]["addresses"] == ["10.7.0.1"]
    assert ports["to-router"]["peer"] == {"vfd": "router", "port": "near"}
    assert ports["to-box"]["nic"]["addresses"] == ["10.7.0.3"]
    text = host.dyetrace("doctor")
    assert text.returncode == 0
    assert "web (web/eth0)" in text.stdout
