"""A task's life through the command line: add, list, show, result, stop, and its violent ends."""

import json
import os
import re
import signal

import pytest

from support.diagnosis import eventually
from support.own_host import inner, send

HOST = ("--cloud", "host")
WEB_TO_DB = (*HOST, "--src", "web", "--dst", "db", "--proto", "icmp")
LONG = ("--packets", "100000", "--time", "300s", "--rate", "50")


def tasks(host):
    return json.loads(host.dyetrace("list", "-o", "json").stdout)


def task_of(host, task_id):
    return json.loads(host.dyetrace("show", task_id, "-o", "json").stdout)


def started(host, *arguments):
    """Start a long trace, and wait until it colors."""
    process = host.start_dyetrace("trace", *WEB_TO_DB, *LONG, *arguments)
    host.wait_for("tracing")
    eventually(lambda: host.links() > 0, what="programs to be attached")
    return process, tasks(host)[0]["id"]


def test_add_list_show_and_result_tell_of_the_same_task(bridged):
    added = json.loads(bridged.dyetrace("add", *WEB_TO_DB, "-o", "json").stdout)

    bridged.wait_for("done", task_id=added["id"])
    done = task_of(bridged, added["id"])
    assert added["cloud"] == "host"
    assert added["filter"] == done["filter"] == "protocol=icmp src_vm=web dst_vm=db"
    assert done["verdict"] == done["answer"]["verdict"] == "DELIVERED"
    assert tasks(bridged)[0]["id"] == added["id"]
    answer = bridged.answer("result", added["id"][:6])
    assert answer == done["answer"]
    text = bridged.dyetrace("result", added["id"])
    assert text.returncode == 0
    assert text.stdout.startswith("+ 20 of 20 packets delivered")
    assert added["id"] in bridged.dyetrace("list").stdout
    assert "DELIVERED" in bridged.dyetrace("show", added["id"]).stdout


def test_the_answer_has_the_names_that_are_documented(bridged):
    answer = bridged.answer("trace", *WEB_TO_DB)

    assert set(answer) == {
        "id", "verdict", "summary", "total", "lost", "started_at", "finished_at", "filter",
        "findings", "paths", "undetermined", "cost", "inspections",
    }  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", answer["finished_at"])
    assert answer["filter"] == {"protocol": "icmp", "src_vm": "web", "dst_vm": "db"}
    assert answer["cost"]["records_lost"] == 0


def test_jsonl_gives_progress_and_then_the_answer(bridged):
    done = bridged.dyetrace("trace", *WEB_TO_DB, "-o", "jsonl")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    states = list(dict.fromkeys(line["state"] for line in lines[:-1]))
    assert states == ["ready", "tracing", "collecting", "done"]
    assert lines[-1]["verdict"] == "DELIVERED"


@pytest.mark.parametrize(
    ("arguments", "status"), [((), 12), (("--exit-zero",), 0)], ids=["plain", "exit-zero"]
)
def test_nothing_matched_has_a_status_of_its_own(bridged, arguments, status):
    silent = ("--src", "db", "--dst", "10.7.0.77", "--proto", "sctp", "--time", "200ms")

    done = bridged.dyetrace("trace", *HOST, *silent, *arguments)

    assert done.returncode == status or "10.7.0.77" in done.stderr, done.stderr


def test_stop_ends_a_task_and_keeps_what_it_saw(bridged):
    task_id = bridged.dyetrace("add", *WEB_TO_DB, *LONG).stdout.strip()
    bridged.wait_for("tracing", task_id=task_id)
    waiting = bridged.dyetrace("result", task_id)
    assert waiting.returncode == 11
    assert "has no answer" in waiting.stderr

    stopped = json.loads(bridged.dyetrace("stop", task_id, "-o", "json").stdout)

    assert stopped["state"] == "cancelled"
    assert bridged.answer("result", task_id)["total"] > 0
    eventually(lambda: bridged.links() == 0, what="the programs to be gone")
    again = bridged.dyetrace("stop", task_id)
    assert again.stdout.strip() == f"task {task_id} is cancelled"


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_trace_that_is_interrupted_cleans_up_and_says_so(bridged, number, status):
    process, task_id = started(bridged)

    send(process, number)
    out, said = process.communicate()

    assert process.returncode == status, said
    assert f"stopped task {task_id}: nothing of it is left on" in said
    assert "Traceback" not in said
    assert out == ""
    assert bridged.state_of(task_id) == "cancelled"
    eventually(lambda: bridged.links() == 0, what="the programs to be gone")


def test_a_trace_that_is_killed_is_found_failed_and_its_programs_go_at_once(bridged):
    process, task_id = started(bridged)

    os.kill(inner(process), signal.SIGKILL)
    process.communicate()

    eventually(lambda: bridged.links() == 0, what="the programs to be gone")
    found = task_of(bridged, task_id)
    assert found["state"] == "failed"
    assert "died" in found["error"]
    assert bridged.dyetrace("trace", *WEB_TO_DB).returncode == 0


def test_a_runner_that_is_killed_leaves_a_failed_task(bridged):
    task_id = bridged.dyetrace("add", *WEB_TO_DB, *LONG).stdout.strip()
    bridged.wait_for("tracing", task_id=task_id)
    (runner,) = bridged.processes("carry-out", task_id)

    os.kill(runner, signal.SIGKILL)

    eventually(lambda: not bridged.processes("carry-out", task_id), what="the runner to end")
    found = task_of(bridged, task_id)
    assert found["state"] == "failed"
    assert "died" in found["error"]
    eventually(lambda: bridged.links() == 0, what="the programs to be gone")
    assert bridged.dyetrace("result", task_id).returncode == 11


def test_an_agent_that_is_killed_ends_the_trace_and_is_started_again(bridged):
    process, _ = started(bridged)

    for pid in bridged.agents():
        os.kill(pid, signal.SIGKILL)
    _, said = process.communicate()

    assert process.returncode in {0, 11}, said
    assert bridged.links() == 0
    assert bridged.dyetrace("trace", *WEB_TO_DB).returncode == 0


def test_explain_lists_all_causes_and_tells_one(bridged):
    causes = json.loads(bridged.dyetrace("explain", "-o", "json").stdout)
    one = json.loads(bridged.dyetrace("explain", "rx_acl_deny", "-o", "json").stdout)

    assert one in causes
    assert one["code"] == "RX_ACL_DENY"
    assert "RX_ACL_DENY" in bridged.dyetrace("explain").stdout


def test_a_reader_that_goes_away_is_no_error_worth_a_traceback(bridged):
    done = bridged.run("sh", "-c", "dyetrace explain | head -1")

    assert "Traceback" not in done.stderr
