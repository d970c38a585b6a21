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
        (("result", "abc"), 2, "whole id"),
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
