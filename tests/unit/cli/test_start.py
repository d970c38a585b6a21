"""What is loaded when: help must be quick, and the agent small."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dyetrace import __version__
from dyetrace.cli.main import app
from dyetrace.datapath.linux.errors import NotPermitted as KernelRefuses
from dyetrace.errors import (
    AgentUnreachable,
    AmbiguousEndpoint,
    ExitStatus,
    InvalidRequest,
    NoSource,
    NotPermitted,
    PolicyRefused,
    StoreUnavailable,
    TaskAlreadyActive,
    UnknownEndpoint,
    UnknownTask,
    exit_status,
)

COMMANDS = ("trace", "add", "result", "list", "show", "stop", "explain", "doctor", "agent", "lab",
            "up", "token", "context", "audit", "quota", "kill", "watch", "export")  # fmt: skip
runner = CliRunner()


def modules_after(statement):
    """What a fresh interpreter has imported by a statement."""
    script = f"{statement}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    return set(json.loads(done.stdout))


def test_the_command_line_loads_nothing_slow_before_it_knows_what_to_do():
    slow = {
        *("numpy", "sqlalchemy", "pyroute2", "cattrs", "rich", "msgspec", "asyncio", "zstandard"),
        *("fastapi", "pydantic", "starlette", "uvicorn", "prometheus_client"),
    }

    assert not modules_after("import dyetrace.cli.main") & slow


@pytest.mark.parametrize(
    "command", ["trace", "list_tasks", "result", "stop", "remote_trace", "run"]
)
def test_only_the_service_loads_a_web_server(command):
    imports = f"import dyetrace.cli.{command}, dyetrace.cli.remote, dyetrace.cli.contexts"

    assert not modules_after(imports) & {"fastapi", "pydantic", "starlette", "uvicorn"}


def test_the_agent_loads_no_database_and_no_web_server():
    imports = (
        "import dyetrace.cli.agent\n"
        "from dyetrace.agent.running import run\n"
        "from dyetrace.datapath.linux.driver import LinuxDriver\n"
        "from dyetrace.inventory.clouds import netns_of_clouds\n"
        "from dyetrace.model.packet import ColorMap"
    )

    assert not modules_after(imports) & {"fastapi", "pydantic", "sqlalchemy", "starlette"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command):
    assert command in runner.invoke(app, ["--help"]).output
    done = runner.invoke(app, [command, "--help"])
    assert done.exit_code == 0
    assert "Usage:" in done.output


def test_the_version_is_the_packages():
    assert runner.invoke(app, ["--version"]).output == f"dyetrace {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["trace", "--nonsense"], ["nonsense"], ["result"], ["list", "--limit", "0"]]
)
def test_usage_errors_exit_2(arguments):
    assert runner.invoke(app, arguments).exit_code == ExitStatus.USAGE


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_given_a_completion(shell):
    started_as = "import sys; sys.argv[0] = 'dyetrace'; import dyetrace.cli.main as m; m.main()"
    done = subprocess.run(
        [sys.executable, "-c", started_as],
        env={"_DYETRACE_COMPLETE": f"source_{shell}", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert "_DYETRACE_COMPLETE" in done.stdout


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotPermitted("x"), 3),
        (KernelRefuses("x"), 3),
        (AgentUnreachable("x"), 4),
        (InvalidRequest("x"), 2),
        (UnknownTask(wanted="x"), 2),
        (UnknownEndpoint(what="VM", name="x", known=()), 2),
        (AmbiguousEndpoint(name="x", tenants=("a", "b")), 2),
        (PolicyRefused("x"), 1),
        (NoSource("x"), 1),
        (TaskAlreadyActive(active="x"), 1),
        (StoreUnavailable("x"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_condition_has_its_documented_status(error, status):
    assert exit_status(error) == status
