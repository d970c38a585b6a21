"""Alert rules and the dashboard ask for figures that real processes give, by labels these have."""

import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.diagnosis import eventually
from support.service import DYETRACE

DEPLOY = Path(__file__).parents[3] / "deploy"
RULES = DEPLOY / "prometheus" / "dyetrace.rules.yml"
ALERT_TESTS = RULES.with_name("dyetrace.tests.yml")
PROMTOOL = Path(sys.executable).with_name("promtool")
# What Prometheus adds to each series, or the expressions themselves.
GIVEN = {"instance", "job", "le"}


def exported(text):
    """Give each series' name with the labels that it comes with, and their values."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for name, value in sample.labels.items():
                labels.setdefault(name, set()).add(value)
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of an agent's figures."""
    folder = tmp_path_factory.mktemp("agent")
    process = subprocess.Popen(
        [*DYETRACE, "agent", "--listen", str(folder / "agent.sock"), "--netns", "no-such-*",
         "--metrics", "127.0.0.1:0"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        url = re.search(r"http://\S+", process.stderr.readline())[0]
        yield httpx.get(url, timeout=5).text
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stderr.close()


@pytest.fixture
def series(service, page):
    """All that the controller and an agent tell, once the roll was called."""
    with service.client() as client:
        eventually(
            lambda: "dyetrace_agent_version{" in client.get("/metrics").text,
            what="the roll to be called",
        )
        return exported(client.get("/metrics").text) | exported(page)


def expressions():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    yield from (rule["expr"] for group in groups for rule in group["rules"])
    dashboard = json.loads((DEPLOY / "grafana" / "dyetrace.json").read_text())
    for panel in dashboard["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def wanted(expression):
    """Give the series that an expression names, with the values asked for by label."""
    for name, matchers in re.findall(r"((?:dyetrace|process)_[a-z_]+)(?:\{([^}]*)\})?", expression):
        asked = re.findall(r'([a-z_]+)(?:=~|=|!=)"([^"]*)"', matchers)
        yield name, {label: set(values.split("|")) for label, values in asked}


def grouped(expression):
    """Give the labels by which an expression groups."""
    for names in re.findall(r"\bby \(([^)]*)\)", expression):
        yield from (name.strip() for name in names.split(","))


def test_every_series_label_and_value_that_is_asked_for_is_exported(series):
    asked = list(expressions())
    assert len(asked) > 25
    for expression in asked:
        names = dict(wanted(expression))
        assert names, expression
        for name, values in names.items():
            assert name in series, f"{name} of {expression}"
            for label, choice in values.items():
                assert choice <= series[name][label], (name, label, choice)
        known = {label for name in names for label in series[name]}
        assert set(grouped(expression)) <= known | GIVEN, expression


def test_legends_name_labels_that_are_there(series):
    dashboard = json.loads((DEPLOY / "grafana" / "dyetrace.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            known = {name for series_, _ in wanted(target["expr"]) for name in series[series_]}
            used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert used <= known | GIVEN, target


def test_no_label_has_an_address(series):
    for labels in series.values():
        for values in labels.values():
            assert not any(re.search(r"\d+\.\d+\.\d+\.\d+", value) for value in values)


@pytest.mark.parametrize("command", [["check", "rules", str(RULES)], ["test", "rules"]])
def test_promtool_finds_the_alerts_right_and_says_so_of_their_tests(command):
    arguments = [*command, *([str(ALERT_TESTS)] if command[0] == "test" else [])]

    done = subprocess.run([str(PROMTOOL), *arguments], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tested():
    rules = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    tested = ALERT_TESTS.read_text()

    assert [rule["alert"] for rule in rules if rule["alert"] not in tested] == []
