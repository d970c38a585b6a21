"""What cannot be done is said in one line, with the documented status, and leaves nothing."""

import json
import os
import signal
import sys

import pytest

from support.diagnosis import eventually
from support.own_host import NOBODY

HOST = ("--cloud", "host")
WEB_TO_DB = (*HOST, "--src", "web", "--dst", "db", "--proto", "icmp")
SILENT = (*HOST, "--src", "web", "--dst", "db", "--proto", "sctp", "--time", "60s")


def assert_refused(done, status, *words):
    assert done.returncode == status, done.stderr + done.stdout
    assert done.stdout == ""
    for word in words:
        assert word in done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith(("dyetrace: ", "Error: "))
    assert "Traceback" not in done.stderr


def assert_nothing_left(host):
    eventually(lambda: host.links() == 0, what="the programs to be gone")
    active = [task for task in listed(host) if task["state"] not in {"done", "failed", "cancelled"}]
    assert active == []


def listed(host, **env):
    return json.loads(host.dyetrace("list", "-o", "json", env=env).stdout)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--src", "wbe", "--dst", "db"), ("no VM or NIC 'wbe'", "nearest: web")),
        (("--src", "web", "--dst", "10.9.9.9"), ("no endpoint with address '10.9.9.9'",)),
        (("--src", "10.7.0.0/33"), ("neither an address nor a prefix",)),
        (("--src", "web", "--proto", "tcp", "--dport", "70000"), ("outside 0..65535",)),
        (("--src", "web", "--packets", "0"), ("packet_count 0 is outside",)),
        (("--src", "web", "--time", "-1s"), ("trace_time -1s is outside",)),
        ((), ("say at least one",)),
        (("--src", "web", "--tenant", "blue"), ("no tenant 'blue'",)),
        (("--source", "web"), ("No such option",)),
        (("--packets", "many"), ("Invalid value for '--packets'",)),
    ],
)
def test_a_wrong_request_is_a_usage_error(bridged, arguments, words):
    assert_refused(bridged.dyetrace("trace", *HOST, *arguments), 2, *words)


def test_add_refuses_what_trace_refuses_and_stores_nothing(bridged):
    before = listed(bridged)

    assert_refused(bridged.dyetrace("add", *HOST, "--src", "wbe"), 2, "no VM or NIC 'wbe'")
    assert_refused(bridged.dyetrace("add", *HOST, "--packets", "0"), 2, "packet_count")

    assert listed(bridged) == before


def test_an_unknown_cloud_is_a_usage_error_that_names_those_there_are(bridged):
    done = bridged.dyetrace("trace", "--cloud", "nebula", "--src", "web")

    assert_refused(done, 2, "no cloud 'nebula' is up")


def test_a_corrupt_cloud_file_is_an_error_that_names_it(bridged):
    path = "/run/dyetrace/clouds/bad.json"
    bridged.do("mkdir", "-p", "/run/dyetrace/clouds")
    bridged.do("tee", path, stdin='{"cloud": 1}')
    try:
        assert_refused(bridged.dyetrace("trace", "--cloud", "bad", "--src", "web"), 1, path)
        assert "cannot be used" in bridged.dyetrace("doctor").stdout
        assert bridged.dyetrace("trace", *WEB_TO_DB).returncode == 0
    finally:
        bridged.do("rm", path)


def test_agents_that_are_gone_are_unreachable(bridged):
    path = "/run/dyetrace/clouds/gone.json"
    agents = [{"host": "cn-1", "socket": "/run/dyetrace/none.sock", "netns": ["gone.*"]}]
    bridged.do("mkdir", "-p", "/run/dyetrace/clouds")
    bridged.do("tee", path, stdin=json.dumps({"cloud": "gone", "agents": agents, "vms": []}))
    try:
        for command in ("trace", "add"):
            done = bridged.dyetrace(command, "--cloud", "gone", "--src", "web")
            assert_refused(done, 4, "no agent of host cn-1", "No such file")
        assert "0 of 1 agents answer" in bridged.dyetrace("doctor").stdout
    finally:
        bridged.do("rm", path)


@pytest.mark.parametrize("command", ["trace", "add", "list"])
def test_without_root_it_is_not_authorised(bridged, command):
    arguments = () if command == "list" else WEB_TO_DB

    assert_refused(bridged.dyetrace(command, *arguments, user=NOBODY), 3, "root")


def test_doctor_without_root_says_what_root_would_add(bridged):
    done = bridged.dyetrace("doctor", user=NOBODY)

    assert done.returncode == 1
    assert "run as root to see" in done.stdout
    assert done.stdout.startswith("x ")


@pytest.mark.parametrize("command", ["result", "show", "stop"])
def test_an_unknown_task_is_a_usage_error(bridged, command):
    assert_refused(bridged.dyetrace(command, "0123"), 2, "no task '0123'")


def test_an_unknown_cause_is_a_usage_error_with_the_nearest(bridged):
    assert_refused(bridged.dyetrace("explain", "rx_acl_dny"), 2, "RX_ACL_DENY")


def test_a_state_folder_that_is_a_file_is_an_error(bridged):
    bridged.do("touch", "/run/a-file")

    done = bridged.dyetrace("trace", *WEB_TO_DB, env={"DYETRACE_STATE": "/run/a-file"})

    assert_refused(done, 1, "cannot keep tasks in /run/a-file", "DYETRACE_STATE")


def test_a_read_only_state_folder_is_an_error(bridged):
    bridged.do("mkdir", "-p", "/run/frozen")
    bridged.do("mount", "-t", "tmpfs", "-o", "ro", "frozen", "/run/frozen")

    done = bridged.dyetrace("trace", *WEB_TO_DB, env={"DYETRACE_STATE": "/run/frozen"})

    assert_refused(done, 1, "cannot keep tasks in /run/frozen")


def test_a_corrupt_store_is_an_error_that_names_it(bridged):
    bridged.do("mkdir", "-p", "/run/corrupt")
    bridged.do("tee", "/run/corrupt/dyetrace.db", stdin="no database, for sure\n" * 500)

    for command in (("list",), ("trace", *WEB_TO_DB)):
        done = bridged.dyetrace(*command, env={"DYETRACE_STATE": "/run/corrupt"})
        assert_refused(done, 1, "/run/corrupt/dyetrace.db", "not a database")


def test_a_full_disk_is_an_error_and_nothing_is_traced(bridged):
    bridged.do("mkdir", "-p", "/run/tiny")
    bridged.do("mount", "-t", "tmpfs", "-o", "size=512k", "tiny", "/run/tiny")
    env = {"DYETRACE_STATE": "/run/tiny"}
    assert bridged.dyetrace("list", env=env).returncode == 0
    bridged.run("dd", "if=/dev/zero", "of=/run/tiny/ballast", "bs=4k")

    assert_refused(bridged.dyetrace("trace", *WEB_TO_DB, env=env), 1, "cannot keep tasks", "room")
    assert_nothing_left(bridged)

    bridged.do("rm", "/run/tiny/ballast")
    assert bridged.dyetrace("trace", *WEB_TO_DB, env=env).returncode == 0


def test_the_same_filter_is_refused_while_it_is_traced(bridged):
    task = bridged.dyetrace("add", *SILENT).stdout.strip()
    try:
        for command in ("trace", "add"):
            assert_refused(bridged.dyetrace(command, *SILENT), 1, f"task {task} traces the same")
    finally:
        assert bridged.dyetrace("stop", task).returncode == 0
    assert_nothing_left(bridged)


def test_a_kernel_without_btf_is_said_by_the_agent_and_by_doctor(bridged):
    for pid in bridged.agents():
        os.kill(pid, signal.SIGTERM)
    eventually(lambda: not bridged.agents(), what="the agent to end")
    hide = "mount -t tmpfs none /sys/kernel/btf && exec"

    def without_btf(*arguments):
        return bridged.run(
            "unshare", "--mount", "sh", "-c", f'{hide} "$0" "$@"',
            sys.executable, "-m", "dyetrace", *arguments,
        )  # fmt: skip

    assert_refused(without_btf("trace", *WEB_TO_DB), 4, "vmlinux is missing", "BTF")
    doctor = without_btf("doctor")
    assert doctor.returncode == 1
    assert "CONFIG_DEBUG_INFO_BTF" in doctor.stdout
    assert not bridged.agents()


def test_a_port_that_vanishes_while_it_is_traced_harms_nothing(bridged):
    bridged.plug("br0", "brief", "10.7.0.9/24")
    bridged.ping("brief", "10.7.0.2")
    tracing = bridged.start_dyetrace(
        "trace", *HOST, "--src", "brief", "--dst", "db", "--packets", "20000", "--time", "2s"
    )
    bridged.wait_for("tracing")
    bridged.do("ip", "netns", "exec", "brief", "ip", "link", "del", "eth0")
    # Others can go on to trace, though the first task still names the port.
    assert bridged.dyetrace("trace", *WEB_TO_DB).returncode == 0
    _, said = tracing.communicate()

    assert "Traceback" not in said
    assert tracing.returncode in {0, 11, 12}, said
    assert_nothing_left(bridged)


def test_progress_is_on_stderr_without_animation_and_only_the_answer_on_stdout(bridged):
    done = bridged.dyetrace("trace", *WEB_TO_DB)

    assert done.stdout.startswith("+ ")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stderr
    assert "tracing" in done.stderr
    assert bridged.dyetrace("trace", *WEB_TO_DB, "-q").stderr == ""
