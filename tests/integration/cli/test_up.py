"""`dyetrace up` on a bare machine: what it prints is all that a second machine needs to join."""

import json
import re
import shlex
import signal
import subprocess
from contextlib import contextmanager

import pytest

from support.diagnosis import eventually
from support.own_host import STATE, OwnHost, send

UNDERLAY = ("172.31.9.1", "172.31.9.2")
FLOW = ("--src", "10.7.0.1", "--dst", "10.7.0.2", "--proto", "icmp")


def wired(near, far):
    """Connect two machines by a wire, and a bridge on each by VXLAN over it."""
    wire = f"ip link add under type veth peer name under netns {far.first}"
    subprocess.run(["nsenter", f"--target={near.first}", "--net", *wire.split()], check=True)
    for host, own, other in ((near, *UNDERLAY), (far, *reversed(UNDERLAY))):
        host.ip(
            f"addr add {own}/24 dev under",
            "link set under up",
            f"route add default via {other}",
            "link add br0 type bridge",
            "link set br0 up",
            f"link add vx type vxlan id 7 local {own} remote {other} dstport 4789 dev under",
            "link set vx master br0 up",
        )


@pytest.fixture(scope="module")
def machines():
    """Web (10.7.0.1) on one, where it pings db (10.7.0.2) on the other."""
    near, far = OwnHost(), OwnHost()
    try:
        wired(near, far)
        near.plug("br0", "web", "10.7.0.1/24")
        far.plug("br0", "db", "10.7.0.2/24")
        near.ping("web", "10.7.0.2")
        yield near, far
    finally:
        far.close()
        near.close()


class Up:
    """The command, started, and what it printed until it was ready."""

    def __init__(self, host, *arguments):
        self.host = host
        self.process = host.start_dyetrace("up", *arguments)
        said = "".join(self.process.stdout.readline() for _ in range(4))
        assert "join a host" in said, said + self.process.stderr.read()
        self.url = re.search(r"at (http://\S+)\n", said)[1]
        self.token_file = re.search(r"operator's token: (\S+)\n", said)[1]
        self.join = shlex.split(re.search(r"join a host: dyetrace (.+)\n", said)[1])

    @property
    def join_token(self):
        return self.host.do("cat", self.join[-1])

    def trace(self):
        return self.host.dyetrace(
            "trace", "--server", self.url, "--token-file", self.token_file, *FLOW, "-o", "json"
        )

    def end(self):
        """End it as systemd does."""
        send(self.process, signal.SIGTERM)
        return self.process.wait(timeout=20)


@pytest.fixture
def up(machines):
    started = Up(machines[0])
    yield started
    if started.process.poll() is None:
        assert started.end() == 0


def put(host, file, text):
    host.do("sh", "-c", f"umask 077; cat > {file}", stdin=text)


@contextmanager
def agent(host, *arguments):
    """Run an agent with a state of its own, and end it."""
    process = host.start_dyetrace(*arguments, env=agents_state(arguments[-1]))
    try:
        yield process
    finally:
        if process.poll() is None:
            send(process, signal.SIGTERM)
        process.wait(timeout=20)


def agents_state(name):
    return {"DYETRACE_AGENT_STATE": f"/run/agent-{name}"}


def is_in(up, name):
    return up.host.run("test", "-S", f"{STATE}/gate/agents/{name}.sock").returncode == 0


def test_up_alone_serves_this_machine_and_whoever_joins_by_the_command_it_prints(machines, up):
    near, far = machines
    alone = up.trace()
    put(far, up.join[-1], up.join_token)
    with agent(far, *up.join, "--host", "cn-2"):
        eventually(lambda: is_in(up, "cn-2"), what="cn-2 to be in")
        together = up.trace()
        seen = near.dyetrace("doctor").stdout
        assert up.end() == 0
        eventually(lambda: far.links() == 0, what="the programs to be gone")

    assert json.loads(alone.stdout)["cost"]["hosts"] == 1, alone.stdout + alone.stderr
    answer = json.loads(together.stdout)
    assert answer["verdict"] == "DELIVERED", answer["summary"]
    hops = answer["paths"][0]["hops"]
    assert [hop["port"] for hop in hops] == ["to-web", "under", "under", "to-db"]
    assert hops[-1]["host"] == "cn-2"
    assert "Cloud joined is up: 1 of 1 agents" in seen
    assert "Cloud joined" not in near.dyetrace("doctor").stdout


def test_the_token_of_an_earlier_start_lets_nobody_in_and_the_new_one_a_host(machines, up):
    earlier, far = up.join_token, machines[1]
    assert up.end() == 0
    again = Up(up.host)
    joining = (*again.join[:3], "--token-file", "/run/token", "--host", "cn-3")
    try:
        assert again.join[2] == f"{UNDERLAY[0]}:7443"
        put(far, "/run/token", earlier)
        refused = far.dyetrace(*joining, env=agents_state("cn-3"))
        assert (refused.returncode, "token is not valid" in refused.stderr) == (3, True), refused
        put(far, "/run/token", again.join_token)
        with agent(far, *joining):
            eventually(lambda: is_in(again, "cn-3"), what="cn-3 to be in")
    finally:
        assert again.end() == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("--gate", "nonsense"), 2, "HOST:PORT"),
        (("--gate", "none", "--cloud", "none"), 2, "nothing to trace"),
        (("--gate", "203.0.113.1:7443"), 2, "cannot listen"),
        (("--cloud", "nowhere"), 2, "no cloud 'nowhere'"),
        (("--database", "postgresql://ann:s3cret@/x"), 2, "--database-file"),
    ],
)
def test_what_makes_no_sense_does_not_start(machines, arguments, status, said):
    done = machines[0].dyetrace("up", *arguments)

    assert done.returncode == status, done.stderr
    assert said in done.stderr
    assert "s3cret" not in done.stderr
    assert "Traceback" not in done.stderr
