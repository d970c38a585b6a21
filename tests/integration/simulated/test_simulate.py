"""`dyetrace simulate` with all its processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SIMULATE = [sys.executable, "-m", "dyetrace", "simulate"]
SMALL = ["--hosts", "8", "--vms", "60", "--tasks", "16", "--at-once", "16"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """One run, with its report; and what it left behind."""
    folder = tmp_path_factory.mktemp("simulate")
    temporary = folder / "tmp"
    temporary.mkdir()
    done = subprocess.run(
        [*SIMULATE, *SMALL, "--report", str(folder / "told"), "-o", "json"],
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), folder, done.stderr


def test_every_task_is_answered_and_every_verdict_is_what_was_planted(run):
    facts, _, _ = run
    assert facts["answered"] == facts["tasks"] == 16
    assert facts["wrong"] == []
    assert facts["accuracy"]["false_accusations"] == 0


def test_it_is_labelled_as_simulated_everywhere(run):
    facts, folder, _ = run
    assert facts["is_simulated"] is True
    assert "Simulated" in (folder / "told.html").read_text()


def test_the_report_has_the_same_numbers_and_plots(run):
    facts, folder, _ = run
    written = json.loads((folder / "told.json").read_text())
    assert written == facts
    assert (folder / "told.html").read_text().count("<svg") == 3


def test_what_each_process_took_is_measured(run):
    facts, _, _ = run
    assert set(facts["processes"]) == {"controller", "agents 1", "agents 2"}
    assert all(part["cpu_s"] > 0 for part in facts["processes"].values())


def test_nothing_is_left(run):
    _, folder, _ = run
    assert list((folder / "tmp").iterdir()) == []
    running = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(bytes(folder / "tmp") in line for line in running)


def test_by_a_record_log_the_verdicts_are_the_same(tmp_path_factory):
    temporary = tmp_path_factory.mktemp("log")  # sockets' names may not be long
    done = subprocess.run(
        [*SIMULATE, *SMALL, "--log", "--clock-skew", "2", "-o", "json"],
        env=os.environ | {"TMPDIR": str(temporary)},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["answered"] == facts["tasks"] == 16
    assert facts["wrong"] == []
    assert facts["processes"]["analyzer"]["cpu_s"] > 0
    assert list(temporary.iterdir()) == []


def test_agents_that_die_lead_to_no_accusation_and_are_counted_apart():
    shape = ["--hosts", "12", "--vms", "120", "--tasks", "40", "--at-once", "8"]
    done = subprocess.run(
        [*SIMULATE, *shape, "--lost-agents", "3", "-o", "json"],
        capture_output=True, text=True, check=False, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    apart = facts["without_agents"]
    assert facts["accuracy"]["false_accusations"] == 0
    assert apart["tasks"] > 0
    assert apart["right"] + apart["undetermined"] + apart["refused"] == apart["tasks"]
    judged = facts["accuracy"]["broken"]["tasks"] + facts["accuracy"]["healthy"]["tasks"]
    assert judged + apart["tasks"] == facts["tasks"] == 40


def test_a_cloud_that_cannot_be_is_refused():
    done = subprocess.run(
        [*SIMULATE, "--hosts", "10", "--vms", "3"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "take one a host at least" in done.stderr
