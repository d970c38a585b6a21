"""The command line asks a controller, and says and exits as it does without one."""

import json
import signal
import subprocess

import pytest

from dyetrace.lab.faults import AclDeny
from dyetrace.lab.traffic import flowing
from support.diagnosis import eventually
from support.service import DYETRACE, attached

FLOW = ("--src", "blue-web", "--dst", "blue-db")


@pytest.fixture
def remotely(service):
    service.environment |= {
        "DYETRACE_SERVER": service.url,
        "DYETRACE_TOKEN_FILE": str(service.token_file),
    }
    return service


@pytest.fixture
def sending(cloud):
    with flowing(
        cloud, "blue-web", "blue-db", protocol="udp", family=4, rate=200, duration=60
    ) as sent:
        yield sent


def test_trace_result_and_list_are_the_same_with_a_controller(cloud, remotely, sending):
    cloud.inject(AclDeny(direction="rx", vm="blue-db"))
    try:
        traced = remotely.cli("trace", *FLOW, "-o", "json")
    finally:
        cloud.heal()
    assert sending.stop().lost > 0

    assert traced.returncode == 10, traced.stderr
    answer = json.loads(traced.stdout)
    assert answer["findings"][0]["code"] == "RX_ACL_DENY"
    assert "tracing" in traced.stderr
    result = remotely.cli("result", answer["id"], "-o", "json")
    listed = remotely.cli("list", "-o", "json")
    for name in ("DYETRACE_SERVER", "DYETRACE_TOKEN_FILE"):
        del remotely.environment[name]
    here = remotely.cli("result", answer["id"], "-o", "json")
    assert (result.returncode, json.loads(result.stdout)) == (10, answer)
    assert (here.returncode, here.stdout) == (10, result.stdout)
    assert listed.stdout == remotely.cli("list", "-o", "json").stdout


def locally(remotely):
    """Ask this machine's store from now on, which here is the controller's."""
    for name in ("DYETRACE_SERVER", "DYETRACE_TOKEN_FILE"):
        remotely.environment.pop(name)
    return remotely


@pytest.mark.usefixtures("sending")
def test_add_watch_show_and_export_are_the_same_with_a_controller(remotely, tmp_path):
    added = remotely.cli("add", *FLOW, "--packets", "5")
    assert added.returncode == 0, added.stderr
    name = added.stdout.strip()
    short = name[:12]

    watched = remotely.cli("watch", short, "-o", "jsonl")
    told = {
        command: remotely.cli(*command).stdout
        for command in [
            ("show", short, "-o", "json"),
            ("show", short),
            ("result", short, "-o", "json"),
            ("export", short),
            ("watch", short),
        ]
    }
    remotely.cli("export", short, "--to", str(tmp_path / "answer.json"))
    here = {command: locally_told(remotely, command) for command in told}

    steps = [json.loads(line) for line in watched.stdout.splitlines()]
    assert [step["to"] for step in steps if "to" in step] == [
        *("new", "ready", "tracing", "collecting", "done"),
    ]
    assert json.loads(told["export", short])["verdict"] == "DELIVERED"
    assert (tmp_path / "answer.json").read_text() == told["export", short]
    assert here == told


def locally_told(remotely, command):
    """What the same command says of the same store without a controller."""
    kept = dict(remotely.environment)
    locally(remotely)
    try:
        return remotely.cli(*command).stdout
    finally:
        remotely.environment = kept


def test_both_directions_are_two_lanes_with_a_controller_and_without(cloud, remotely):
    with flowing(cloud, "blue-web", "blue-db", protocol="tcp", family=4, rate=100, duration=60):
        arguments = (
            "trace",
            *FLOW,
            "--proto",
            "tcp",
            "--direction",
            "both",
            "--packets",
            "5",
            "-q",
        )
        there = remotely.cli(*arguments)
        added = remotely.cli("add", *arguments[1:-1])
        stopped = [remotely.cli("stop", name[:10]) for name in added.stdout.split()]
        locally(remotely)
        here = remotely.cli(*arguments, "--cloud", cloud.name, "-o", "json")

    assert there.returncode == here.returncode == 0, there.stdout + here.stderr
    lanes = there.stdout.partition("Back\n")
    assert lanes[0].startswith("There\n+ 5 of 5 packets delivered")
    assert lanes[2].startswith("+ 5 of 5 packets delivered")
    first, second = json.loads(here.stdout)
    assert first["verdict"] == second["verdict"] == "DELIVERED"
    assert first["filter"]["src_vm"] == second["filter"]["dst_vm"] == "blue-web"
    assert [done.returncode for done in stopped] == [0, 0]


def test_all_tasks_can_be_watched_as_they_change(remotely):
    process = subprocess.Popen(
        [*DYETRACE, "watch", "-o", "jsonl"],
        env=remotely.environment, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with remotely.client() as client:
            eventually(
                lambda: 'operation="watchVTraces"' in client.get("/metrics").text,
                what="the stream to be open",
            )
        name = remotely.cli("add", *FLOW, "--time", "1s").stdout.strip()
        states = []
        while not states or states[-1] not in {"done", "failed"}:
            facts = json.loads(process.stdout.readline())
            assert facts["id"] == name
            states.append(facts["state"])
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()
    assert states[0] in {"new", "ready", "tracing", "collecting"}


def test_an_administrator_sets_quotas_and_reads_the_log_by_a_controller(remotely, tmp_path):
    token = tmp_path / "ada.token"
    token.write_text(remotely.token("ada", "--role", "admin"))
    remotely.environment["DYETRACE_TOKEN_FILE"] = str(token)

    assert remotely.cli("quota", "set", "blue", "--tasks", "3").returncode == 0
    listed = remotely.cli("quota", "list").stdout
    assert remotely.cli("quota", "clear", "blue").returncode == 0
    again = remotely.cli("quota", "clear", "blue")
    lines = json.loads(remotely.cli("audit", "--principal", "ada", "-o", "json").stdout)

    assert "(all)" in listed
    assert "each host: 50 tasks" in listed
    assert again.returncode == 2
    assert [(one["action"], one["outcome"]) for one in lines] == [
        ("quota", "active_tasks 3"),
        ("quota", "as for all"),
        ("refuse", "UNKNOWN_ENDPOINT"),
    ]


@pytest.mark.usefixtures("sending")
def test_stop_ends_a_task_of_the_controller(cloud, remotely):
    process = subprocess.Popen(
        [*DYETRACE, "trace", *FLOW, "--packets", "100000", "--time", "300s", "--rate", "50"],
        env=remotely.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: attached(cloud) > 0, what="programs to be attached")
    (task,) = json.loads(remotely.cli("list", "-o", "json").stdout)
    eventually(lambda: '"tracing"' in remotely.cli("list", "-o", "json").stdout)

    stopped = remotely.cli("stop", task["id"])

    assert stopped.stdout == f"task {task['id']} is cancelled\n", stopped.stderr
    out, said = process.communicate(timeout=30)
    assert process.returncode in {0, 11, 12}, said
    assert "packets" in out
    eventually(lambda: attached(cloud) == 0, what="the programs to be gone")


@pytest.mark.usefixtures("sending")
def test_an_interrupted_trace_stops_its_task(cloud, remotely):
    process = subprocess.Popen(
        [*DYETRACE, "trace", *FLOW, "--packets", "100000", "--time", "300s", "--rate", "50"],
        env=remotely.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    eventually(lambda: attached(cloud) > 0, what="programs to be attached")

    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=30)

    assert (process.returncode, out) == (143, ""), said
    assert "stopped task" in said
    eventually(lambda: attached(cloud) == 0, what="the programs to be gone")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("trace", "--src", "nobody"), 2, "nearest"),
        (("result", "0" * 16), 2, "no task"),
        (("result", "abc"), 2, "no task"),
        (("result", "../quotas"), 2, "no task"),
        (("show", "0" * 16), 2, "no task"),
        (("watch", "0" * 16), 2, "no task"),
        (("export", "0" * 16), 2, "no task"),
        (("export", "0" * 16, "--format", "pcapng"), 2, "not there yet"),
        (("export", "0" * 16, "--format", "xml"), 2, "no format"),
        (("add", "--src", "nobody"), 2, "nearest"),
        (("trace", "--src", "blue-web", "--direction", "up"), 2, "there, back, both"),
        (("audit",), 3, "may not"),
        (("--help",), 0, ""),
    ],
)
def test_problems_exit_as_the_same_errors_do(remotely, arguments, status, said):
    done = remotely.cli(*arguments)

    assert done.returncode == status, done.stderr
    assert said in done.stderr


def test_a_controller_that_is_not_there_is_unreachable_and_a_wrong_token_not_authorised(remotely):
    remotely.token_file.write_text("dye_0_0\n")
    assert remotely.cli("list").returncode == 3
    remotely.end(signal.SIGTERM)
    gone = remotely.cli("list")
    assert gone.returncode == 4
    assert "no controller at" in gone.stderr
