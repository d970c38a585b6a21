"""The fleet seen by whoever runs it: the roll, the doctor, figures, logs; all real processes."""

import json
import re
import subprocess

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from dyetrace import __version__
from support.diagnosis import eventually
from support.service import DYETRACE

HOSTS = ["cn-1", "cn-2", "cn-3"]


def test_the_agents_are_listed_and_examined_with_a_controller_and_without(cloud, service):
    here = service.cli("agent", "list", "--cloud", cloud.name, "-o", "json")
    doctor = service.cli("doctor", "--cloud", cloud.name)
    remote = {"DYETRACE_SERVER": service.url, "DYETRACE_TOKEN_FILE": str(service.token_file)}
    service.environment |= remote
    there = service.cli("agent", "list", "-o", "json")
    examined = service.cli("doctor", "-o", "json")

    assert here.returncode == there.returncode == 0, here.stderr + there.stderr
    for told in (json.loads(here.stdout), json.loads(there.stdout)):
        assert [one["host"] for one in told] == HOSTS
        assert {one["version"] for one in told} == {__version__}
        assert all(one["is_up"] and one["clock_uncertainty_ns"] > 0 for one in told)
    assert doctor.returncode == 0, doctor.stdout
    assert doctor.stdout.startswith("+ 3 of 3 hosts can trace")
    assert examined.returncode == 0, examined.stdout
    hosts = json.loads(examined.stdout)["hosts"]
    assert {"kernel", "libbpf"} <= {check["name"] for check in hosts[0]["checks"]}


def test_the_page_of_metrics_is_read_by_prometheus_and_knows_all_hosts(service):
    with service.client() as client:
        text = eventually(
            lambda: (t := client.get("/metrics").text).count("dyetrace_agent_up{") == 3 and t,
            what="the roll to be called",
        )

    found = {family.name for family in text_string_to_metric_families(text)}
    assert {"dyetrace_traces", "dyetrace_agent_up", "process_resident_memory_bytes"} <= found


@pytest.fixture
def own_agent(tmp_path):
    """An agent that sees no namespace of anybody, with a page of metrics."""
    process = subprocess.Popen(
        [*DYETRACE, "agent", "--listen", str(tmp_path / "agent.sock"), "--netns", "no-such-*",
         "--metrics", "127.0.0.1:0", "--log-format", "json"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stderr.close()


def test_an_agent_tells_where_its_figures_are_and_prometheus_reads_them(own_agent):
    line = json.loads(own_agent.stderr.readline())
    url = re.search(r"http://\S+", line["text"])[0]

    page = httpx.get(url, timeout=5).text

    found = {family.name for family in text_string_to_metric_families(page)}
    assert {"dyetrace_agent_tasks", "dyetrace_agent_records", "dyetrace_agent_info"} <= found
