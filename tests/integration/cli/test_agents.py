"""Agents and controllers that stop answering: color ends by itself, and others are told."""

import os
import signal
import sys

import pytest

from support.diagnosis import eventually
from support.own_host import OwnHost, send

SCRIPT = """
import asyncio, sys
from ipaddress import ip_network
from datetime import timedelta
from pathlib import Path
from dyetrace.controller.link import AgentLink
from dyetrace.model.filter import PacketFilter
from dyetrace.model.policy import ColorPolicy, LogPolicy
from dyetrace.model.task import Limits
from dyetrace.wire.messages import Color, Done, Log

LEASE = int(float(sys.argv[1]) * 1e9)

async def main():
    link = AgentLink(name="h", socket=Path("/run/dyetrace/agent.sock"), on_records=lambda *_: None)
    await link.open()
    ports = {port.name: port.key for vfd in link.host.vfds for port in vfd.ports}
    log = LogPolicy(ports=frozenset(ports.values()))
    await link.ask(Log(request=0, task_id=1, policy=log, lease_ns=LEASE), Done)
    wanted = PacketFilter(dst=ip_network("10.7.0.2"))
    limits = Limits(packet_count=100000, trace_time=timedelta(minutes=5), packets_per_second=1000)
    color = ColorPolicy(
        task_id=1, ports=frozenset({ports["to-web"]}), filters=(wanted,), limits=limits
    )
    await link.ask(Color(request=0, policy=color, lease_ns=LEASE), Done)
    print("colored", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture(scope="module", autouse=True)
def network(host):
    """web pings db over br0, where colored packets are counted."""
    host.ip("link add br0 type bridge", "link set br0 up")
    host.plug("br0", "web", "10.7.0.1/24")
    host.plug("br0", "db", "10.7.0.2/24")
    host.ping("web", "10.7.0.2")
    counting = (
        "table bridge seen {\ncounter dyed {}\ncounter sent {}\nchain seen {\n"
        "type filter hook forward priority 0\n"
        "ip dscp 43 counter name dyed\nip protocol icmp counter name sent\n}\n}\n"
    )
    host.do("nft", "-f", "-", stdin=counting)


def counted(host: OwnHost, name: str) -> int:
    words = host.do("nft", "list", "counter", "bridge", "seen", name).split()
    return int(words[words.index("packets") + 1])


def agent_of(host: OwnHost) -> int:
    """This host's agent, started by looking for it in vain."""
    done = host.dyetrace("trace", "--cloud", "host", "--src", "web", "--time", "1ms")
    assert done.returncode in {0, 12}, done.stderr
    (pid,) = host.agents()
    return pid


def controller(host: OwnHost, lease_s: float):
    process = host.start(sys.executable, "-c", SCRIPT, str(lease_s))
    assert process.stdout.readline() == "colored\n"
    return process


def test_color_stops_in_the_data_plane_though_agent_and_controller_are_frozen(host):
    agent = agent_of(host)
    before = counted(host, "dyed")
    process = controller(host, lease_s=1.0)
    os.kill(agent, signal.SIGSTOP)
    try:
        send(process, signal.SIGSTOP)
        eventually(lambda: counted(host, "dyed") > before, what="packets to be colored")

        def has_stopped() -> bool:
            dyed, sent = counted(host, "dyed"), counted(host, "sent")
            eventually(lambda: counted(host, "sent") > sent + 40, what="packets to pass")
            return counted(host, "dyed") == dyed

        eventually(has_stopped, what="color to stop")
        assert host.links() > 0, "the frozen agent still holds its programs"
    finally:
        os.kill(agent, signal.SIGCONT)
        send(process, signal.SIGKILL)
    eventually(lambda: host.links() == 0, what="the programs to be gone")


def test_a_frozen_agent_is_reported_down_and_the_trace_ends(host):
    agent = agent_of(host)
    tracing = host.start_dyetrace(
        "trace", "--cloud", "host", "--src", "web", "--dst", "db", "--packets", "20000",
        "--rate", "50", "--time", "60s",
    )  # fmt: skip
    before = counted(host, "dyed")
    eventually(lambda: counted(host, "dyed") > before, what="packets to be colored")
    os.kill(agent, signal.SIGSTOP)
    try:
        out, said = tracing.communicate(timeout=50)
    finally:
        os.kill(agent, signal.SIGCONT)

    assert tracing.returncode in {0, 11}, said
    assert "Traceback" not in said
    assert host.state_of() == "done", out
    eventually(lambda: host.links() == 0, what="the programs to be gone")


def test_a_frozen_agent_is_unreachable_to_a_new_trace(host):
    agent = agent_of(host)
    os.kill(agent, signal.SIGSTOP)
    try:
        done = host.dyetrace("trace", "--cloud", "host", "--src", "web")
    finally:
        os.kill(agent, signal.SIGCONT)

    assert done.returncode == 4
    assert "does not answer" in done.stderr


def test_a_frozen_controller_loses_its_programs_when_the_lease_ends(host):
    agent_of(host)
    process = controller(host, lease_s=1.0)
    assert host.links() > 0

    send(process, signal.SIGSTOP)

    eventually(lambda: host.links() == 0, what="the programs to be gone")
    send(process, signal.SIGKILL)
