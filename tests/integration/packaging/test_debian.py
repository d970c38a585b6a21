"""The package on a machine of its own: installed, started by systemd, used, purged."""

import json
import os
import re
import signal
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

import pytest

from dyetrace.datapath.linux.privileges import CAPABILITIES
from support.diagnosis import eventually

RECIPE = Path(__file__).parents[3] / "packaging/oci/Containerfile"
PACKAGE = "/root/dyetrace_0_any.deb"  # as `machine` has it
UNITS = ("dyetrace-controller", "dyetrace-agent")
STATE_AND_PID = ("ActiveState", "MainPID")
SETTINGS = """
[controller]
cloud = "none"
state = "/var/lib/dyetrace/controller"
listen = "127.0.0.1:7400"
gate = "127.0.0.1:7443"

[agent]
join = "127.0.0.1:7443"
token_file = "/etc/dyetrace/join.token"
host = "cn-1"
"""


@pytest.fixture(scope="module")
def started(machine):
    """The controller, and this machine's agent, joined; web (10.7.0.1) pings db (10.7.0.2)."""
    machine.ip("link add br0 type bridge", "link set br0 up")
    machine.plug("br0", "web", "10.7.0.1/24")
    machine.plug("br0", "db", "10.7.0.2/24")
    machine.ping("web", "10.7.0.2")
    machine.do("sh", "-c", "cat > /etc/dyetrace/dyetrace.toml", stdin=SETTINGS)
    start(machine, "dyetrace-controller")
    token = machine.do("dyetrace", "gate", "token")
    machine.put("/etc/dyetrace/join.token", token, owner="dyetrace-agent")
    start(machine, "dyetrace-agent")
    return machine


def start(machine, unit):
    """Returns once the unit has said that it is ready."""
    done = machine.run("systemctl", "start", unit)
    said = machine.run("journalctl", "--no-pager", "-u", unit).stdout
    assert done.returncode == 0, done.stderr + said


def process_of(machine, unit):
    """Read who a unit's process is, as the kernel has it."""
    (pid,) = machine.show(unit, "MainPID")
    text = machine.do("cat", f"/proc/{pid}/status")
    users = set(re.search(r"^Uid:\s+(.+)", text, re.MULTILINE)[1].split())
    found = re.findall(r"^Cap(?:Prm|Eff|Bnd|Amb):\s+(\w+)", text, re.MULTILINE)
    masks = {int(mask, 16) for mask in found}
    return users, masks, re.search(r"^NoNewPrivs:\s+1", text, re.MULTILINE)


def traced(machine):
    return machine.run(
        "dyetrace", "trace", "--server", "http://127.0.0.1:7400",
        "--token-file", "/var/lib/dyetrace/controller/operator.token",
        "--src", "web", "--dst", "10.7.0.2", "--packets", "5", "-o", "json",
    )  # fmt: skip


def is_in(machine):
    sockets = "/var/lib/dyetrace/controller/gate/agents"
    return machine.run("test", "-S", f"{sockets}/cn-1.sock").returncode == 0


def test_installed_it_has_all_it_needs_and_runs_nothing(machine):
    told = machine.do("dyetrace", "--version")
    checks = json.loads(machine.run("dyetrace", "doctor", "-o", "json").stdout)["checks"]

    assert told.startswith("dyetrace ")
    assert [each["name"] for each in checks if each["status"] == "missing"] == []
    where = next(each["found"] for each in checks if each["name"] == "programs")
    assert where.startswith("/usr/lib/dyetrace/")
    assert machine.run("systemctl", "is-active", *UNITS).stdout.split() == ["inactive"] * 2
    assert "complete -o" in machine.do("cat", "/usr/share/bash-completion/completions/dyetrace")
    assert "DYETRACE" in machine.do("zcat", "/usr/share/man/man1/dyetrace.1.gz")


def test_the_image_installs_where_no_systemd_runs_and_serves_as_its_user(machine):
    recipe = RECIPE.read_text()
    said = dict(re.findall(r"^([A-Z]+) (.+)$", recipe, re.MULTILINE))
    (user, ports) = said["USER"], said["EXPOSE"].split()
    made = re.search(r"(install -d .+)$", recipe, re.MULTILINE)[1]
    command = " ".join(json.loads(said["ENTRYPOINT"]) + json.loads(said["CMD"]))
    as_image = (
        f"mount -t tmpfs own /run; dpkg --install {PACKAGE} >&2; {made}; exec setpriv "
        f"--reuid={user} --regid={user} --clear-groups --no-new-privs --bounding-set=-all {command}"
    )
    process = machine.start("unshare", "--mount", "sh", "-ec", as_image)

    lines = [process.stdout.readline() for _ in range(3)]

    assert fnmatchcase(PurePath(PACKAGE).name, said["COPY"].split()[0]), said["COPY"]
    assert lines[0] == f"serving cloud joined at http://127.0.0.1:{ports[0]}\n", lines
    assert f":{ports[1]} --token-file" in lines[2]
    pid = machine.processes("/usr/bin/dyetrace", "up")
    os.kill(pid[0], signal.SIGTERM)
    assert process.wait(timeout=20) == 0
    machine.do("rm", "-rf", "/var/lib/dyetrace")


@pytest.mark.parametrize(("unit", "most"), [("dyetrace-controller", 2.0), ("dyetrace-agent", 5.0)])
def test_systemd_finds_a_unit_right_and_not_exposed(machine, unit, most):
    verified = machine.run("systemd-analyze", "verify", f"{unit}.service")
    judged = machine.do("systemd-analyze", "security", "--no-pager", f"{unit}.service")

    assert (verified.returncode, verified.stderr) == (0, "")
    exposure = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", judged)[1])
    assert exposure <= most, judged


def test_started_by_systemd_they_are_not_root_and_find_a_loss(started):
    with started.dropping("bridge", 'ip daddr 10.7.0.2 drop comment "no"'):
        broken = traced(started)
    works = traced(started)

    assert broken.returncode == 10, broken.stderr
    answer = json.loads(broken.stdout)
    assert "no" in answer["findings"][0]["object"]
    assert "nft_do_chain" in broken.stdout
    assert works.returncode == 0, works.stderr
    users, masks, is_kept_down = process_of(started, "dyetrace-controller")
    assert ("0" not in users, masks, bool(is_kept_down)) == (True, {0}, True)
    users, masks, is_kept_down = process_of(started, "dyetrace-agent")
    documented = sum(1 << each.number for each in CAPABILITIES)
    assert ("0" not in users, masks, bool(is_kept_down)) == (True, {documented}, True)


def test_root_does_not_serve_from_the_folder_of_the_service(started):
    refused = started.run("dyetrace", "up")

    assert (refused.returncode, "sudo -u dyetrace" in refused.stderr) == (2, True), refused.stderr


def test_the_kill_switch_that_root_pulls_is_the_services(started):
    started.do("dyetrace", "kill", "--reason", "a drill")
    stopped = traced(started)
    started.do("dyetrace", "kill", "--release")

    assert (stopped.returncode, "a drill" in stopped.stderr) == (1, True), stopped.stderr
    assert traced(started).returncode == 0


def test_a_killed_controller_is_started_again_and_its_agent_comes_back(started):
    (before,) = started.show("dyetrace-controller", "MainPID")

    started.do("systemctl", "kill", "--signal=KILL", "dyetrace-controller")

    def is_another():
        state, pid = (started.show("dyetrace-controller", each)[0] for each in STATE_AND_PID)
        return state == "active" and pid not in {before, "0"}

    eventually(is_another, within_s=20, what="another controller")
    eventually(lambda: is_in(started), within_s=40, what="the agent to be in again")


def test_a_setting_that_nobody_knows_is_said_and_not_tried_for_ever(started):
    started.do("systemctl", "stop", "dyetrace-controller")
    bad = SETTINGS.replace("listen =", "listn =")
    started.do("sh", "-c", "cat > /etc/dyetrace/dyetrace.toml", stdin=bad)

    failed = started.run("systemctl", "start", "dyetrace-controller")

    assert failed.returncode != 0
    assert started.show("dyetrace-controller", "ExecMainStatus") == ["2"]
    assert started.show("dyetrace-controller", "ActiveState") == ["failed"]
    said = started.do("journalctl", "--no-pager", "-u", "dyetrace-controller")
    assert "listn is no setting of [controller]; nearest: listen" in said


def test_purged_it_leaves_nothing(started):
    started.do("dpkg", "--remove", "dyetrace")
    kept = started.do("ls", "/etc/dyetrace/dyetrace.toml", "/var/lib/dyetrace")
    ended = started.processes("dyetrace.agent")
    started.do("dpkg", "--purge", "dyetrace")

    assert "controller" in kept
    assert ended == []
    found = started.do("find", "/etc", "/usr", "/var", "/lib/systemd", "-name", "*dyetrace*")
    # What dpkg and man-db note of what was there is theirs.
    theirs = ("/var/lib/dpkg/", "/var/cache/man/")
    assert [path for path in found.split() if not path.startswith(theirs)] == []
    assert "dyetrace" not in started.do("getent", "passwd") + started.do("getent", "group")
