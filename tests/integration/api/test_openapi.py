"""The documented API is the served one, and stands whatever it is sent."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dyetrace.lab.cloud import Cloud
from support.service import Service

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
# Streams last as long as their tasks; a switch that is pulled has all else refused.
LEFT_OUT = {"watchVTrace", "watchVTraces", "pullKillSwitch"}
BOUNDED = ("--max-examples", "6", "--max-time", "35", "--request-timeout", "10")


@pytest.fixture(scope="module")
def server(cloud: Cloud, tmp_path_factory):
    service = Service(cloud, tmp_path_factory.mktemp("up")).start()
    try:
        yield service
    finally:
        service.close()


def test_the_document_is_what_is_served(server):
    with server.client() as client:
        assert client.get("/v1/openapi.json").json() == json.loads(DOCUMENT.read_text())


def operations():
    return {
        operation["operationId"]
        for path in json.loads(DOCUMENT.read_text())["paths"].values()
        for operation in path.values()
    }


def test_the_papers_names_are_there():
    assert {"addVTrace", "getVTraceResult", "listVTraces", "stopVTrace"} <= operations()


def test_whatever_it_is_sent_it_answers_as_documented(server, tmp_path):
    token = server.token("ada", "--role", "admin")
    done = subprocess.run(
        [str(SCHEMATHESIS), "run", f"{server.url}/v1/openapi.json",
         "--header", f"Authorization: Bearer {token}",
         *(f"--exclude-operation-id={name}" for name in LEFT_OUT),
         "--phases", "examples,coverage,fuzzing", "--checks", ",".join(CHECKS),
         "--generation-deterministic", "--no-color", *BOUNDED],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert f"Tested: {len(operations() - LEFT_OUT)}" in done.stdout, done.stdout
    assert "Traceback" not in server.log()
