"""Quotas and the audit log by the command line, without a controller: the database is asked."""

import json

import pytest
from typer.testing import CliRunner

from dyetrace.cli.main import app
from dyetrace.errors import InvalidRequest

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("DYETRACE_SERVER", "DYETRACE_TOKEN_FILE", "DYETRACE_DATABASE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("DYETRACE_STATE", str(tmp_path))


def said(*arguments):
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_a_quota_that_is_set_is_listed_until_it_is_cleared():
    said("quota", "set", "blue", "--tasks", "3", "--daily", "100")
    listed = json.loads(said("quota", "list", "-o", "json"))
    said("quota", "set", "blue", "--packets", "5")
    again = said("quota", "list")
    said("quota", "clear", "blue")

    assert listed["tenants"]["blue"] == {
        "active_tasks": 3,
        "packets_per_task": None,
        "packets_per_second": None,
        "packets_per_day": 100,
    }
    assert again.splitlines()[1].split() == ["blue", "-", "5", "-", "-"]
    assert "no tenant has" in said("quota", "list")
    assert isinstance(runner.invoke(app, ["quota", "clear", "blue"]).exception, InvalidRequest)


def test_what_was_done_by_the_database_is_in_the_audit_log():
    issued = said("token", "create", "bob", "--tenant", "blue").strip()
    token = issued.split("_")[1]
    said("token", "revoke", token)
    said("quota", "set", "blue", "--tasks", "3")
    said("kill", "--reason", "incident 7")
    said("kill", "--release")

    lines = [json.loads(line) for line in said("audit", "-o", "jsonl").splitlines()]

    assert [(line["action"], line["target"], line["outcome"]) for line in lines] == [
        ("token", token, "made for blue/bob"),
        ("token", token, "revoked"),
        ("quota", "blue", "active_tasks 3"),
        ("kill", "incident 7", "0 cancelled"),
        ("release", "kill switch", "released"),
    ]
    assert {line["role"] for line in lines} == {"admin"}
    assert all(line["principal"].startswith("local:") for line in lines)
    assert issued.split("_")[2] not in said("audit")
    assert said("audit", "--action", "kill", "--after", "0").count("\n") == 2
    assert said("audit", "--limit", "1", "-o", "jsonl").count("\n") == 1
