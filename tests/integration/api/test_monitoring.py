"""Alert rules and the dashboard ask for figures that real processes give, by labels these have."""

import json
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from support.diagnosis import eventually
from support.service import DYETRACE, Service

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
def series(cloud, tmp_path_factory):
    """All that a controller tells, and an agent that has joined it, once the roll was called."""
    folder = tmp_path_factory.mktemp("up")
    service = Service(cloud, folder)
    try:
        service.start()
        with joined(folder) as page, service.client() as client:

            def told():
                client.get("/v1/agents")
                text = client.get("/metrics").text
                return text if 'dyetrace_agent_version{host="cn-9"' in text else None

            text = eventually(told, what="the agent to be on the roll")
            yield exported(text) | exported(page)
    finally:
        service.close()


@contextmanager
def joined(folder):
    """Join an agent that sees no namespace of anybody; give the page of its figures."""
    controller = (folder / "gate" / "reached-at").read_text().strip()
    process = subprocess.Popen(
        [*DYETRACE, "agent", "--listen", str(folder / "agent.sock"), "--netns", "no-such-*",
         "--join", controller, "--token-file", str(folder / "join.token"), "--host", "cn-9",
         "--state", str(folder / "agent"), "--metrics", "127.0.0.1:0"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in process.stderr:
            if found := re.search(r"http://\S+", line):
                break
        yield httpx.get(found[0], timeout=5).text
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stderr.close()


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
