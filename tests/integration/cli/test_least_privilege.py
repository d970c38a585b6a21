"""An agent that is not root has the capabilities that are documented, needs them, and no others."""

import re
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from dyetrace.datapath.linux.privileges import CAPABILITIES
from support.diagnosis import eventually
from support.own_host import children, send
from support.tap_vm import plug_vm

NOBODY = 65534
NUMBERS = {each.name: each.number for each in CAPABILITIES}
SOCKET = "/run/dyetrace/agent.sock"
STATE = "/run/dyetrace/agent"


@pytest.fixture(scope="module", autouse=True)
def network(host):
    """On br0: web (10.7.0.1) and db (10.7.0.2), a VM (10.7.0.9), a nameless box (10.7.0.3)."""
    host.ip("link add br0 type bridge", "link set br0 up")
    host.plug("br0", "web", "10.7.0.1/24")
    host.plug("br0", "db", "10.7.0.2/24")
    plug_vm(host)
    host.ping("web", "10.7.0.2")
    host.start("unshare", "--net", "sleep", "600")
    pid = eventually(lambda: pgrep(host, "sleep 600"), what="a box")
    host.ip(f"link add to-box type veth peer name eth0 netns {pid}", "link set to-box up")
    host.ip("link set to-box master br0")
    for line in ("addr add 10.7.0.3/24 dev eth0", "link set eth0 up"):
        host.do("nsenter", f"--target={pid}", "--net", "ip", *line.split())
    host.ping("web", "10.7.0.3")
    host.do("chown", str(NOBODY), "/run/dyetrace")


def pgrep(host, line):
    return host.run("pgrep", "-fx", line).stdout.strip()


@contextmanager
def agent(host, *without):
    """Run this host's agent as nobody, with all capabilities that are documented but some."""
    held = [f"+{name.removeprefix('CAP_').lower()}" for name in NUMBERS if name not in without]
    masks = ",".join(["-all", *held])
    process = host.start(
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
        f"--inh-caps={masks}", f"--ambient-caps={masks}", f"--bounding-set={masks}",
        sys.executable, "-m", "dyetrace", "agent", "--listen", SOCKET, "--state", STATE,
    )  # fmt: skip
    try:
        eventually(
            lambda: process.poll() is not None or host.run("test", "-S", SOCKET).returncode == 0,
            what="the agent to listen, or to end",
        )
        yield process
    finally:
        if process.poll() is None:
            send(process, signal.SIGTERM)
        process.wait(timeout=20)


def traced(host, *arguments):
    """Trace by the agent that runs here."""
    return host.dyetrace("trace", "--cloud", "host", *arguments, "--packets", "5", "-o", "json")


def status_of(process):
    """Read whom the agent runs as, and with which capabilities."""
    (pid,) = children(process.pid)
    text = Path(f"/proc/{pid}/status").read_text()
    return re.search(r"^Uid:\s+(.+)", text, re.MULTILINE)[1].split(), {
        name: int(re.search(rf"^{name}:\s+(\w+)", text, re.MULTILINE)[1], 16)
        for name in ("CapPrm", "CapEff", "CapBnd")
    }


def test_an_agent_with_exactly_these_capabilities_traces_and_names_rule_and_function(host):
    with agent(host) as running, host.dropping("bridge", 'ip daddr 10.7.0.2 drop comment "no"'):
        users, masks = status_of(running)
        done = traced(host, "--src", "web", "--dst", "10.7.0.2")
        vm = traced(host, "--src", "10.7.0.9", "--dst", "10.7.0.2")

    assert set(users) == {str(NOBODY)}
    assert set(masks.values()) == {sum(1 << number for number in NUMBERS.values())}
    assert (done.returncode, vm.returncode) == (10, 10), done.stderr + vm.stderr
    assert '"no"' in done.stdout.replace("\\", "")
    assert "nft_do_chain" in done.stdout


@pytest.mark.parametrize(
    "without",
    [("CAP_NET_ADMIN",), ("CAP_BPF", "CAP_SYS_ADMIN"), ("CAP_PERFMON", "CAP_SYS_ADMIN")],
    ids="-".join,
)
def test_without_what_it_needs_an_agent_does_not_start_and_says_so(host, without):
    with agent(host, *without) as ended:
        said = ended.stderr.read()

    assert ended.returncode == 3, said
    for name in without:
        assert f"without {name}" in said
    assert "Traceback" not in said


def test_without_sys_admin_an_agent_traces_in_its_own_namespace(host):
    with agent(host, "CAP_SYS_ADMIN") as running:
        with host.dropping("bridge", "ip saddr 10.7.0.9 drop"):
            vm = traced(host, "--src", "10.7.0.9", "--dst", "10.7.0.2")
        beyond = traced(host, "--src", "10.7.0.9", "--dst", "10.7.0.2")

    assert vm.returncode == 10, vm.stdout + vm.stderr
    assert "ip saddr 10.7.0.9" in vm.stdout
    assert (beyond.returncode, "OUT_OF_SCOPE" in beyond.stdout) == (11, True)
    assert "only the agent's own network namespace" in running.stderr.read()


def test_without_syslog_a_drop_has_its_rule_and_no_function(host):
    with agent(host, "CAP_SYSLOG"), host.dropping("bridge", "ip daddr 10.7.0.2 drop"):
        done = traced(host, "--src", "web", "--dst", "10.7.0.2")

    assert done.returncode == 10, done.stderr
    assert "ACL_DENY" in done.stdout
    assert "nft_do_chain" not in done.stdout


@pytest.mark.parametrize(("without", "verdict"), [((), 0), (("CAP_SYS_PTRACE",), 11)])
def test_sys_ptrace_shows_namespaces_without_a_name(host, without, verdict):
    with agent(host, *without):
        nameless = traced(host, "--src", "web", "--dst", "10.7.0.3")

    assert nameless.returncode == verdict, nameless.stdout
