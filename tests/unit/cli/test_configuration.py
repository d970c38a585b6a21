"""Where settings come from, and what is refused; by the commands' own options."""

import re
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dyetrace.cli.main import app
from dyetrace.cli.stored import database_url
from dyetrace.errors import DyetraceError, InvalidRequest

HOWTO = Path(__file__).parents[3] / "docs" / "howto"
runner = CliRunner()


def shown(command, *arguments, env=None, status=0):
    """Give what `--show-config` prints, or how it was refused."""
    done = runner.invoke(app, [command, "--show-config", *arguments], env=env)
    if isinstance(done.exception, DyetraceError):
        return str(done.exception)
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture
def file(tmp_path):
    return tmp_path / "dyetrace.toml"


@pytest.mark.parametrize(
    ("option", "variable", "in_file", "expected"),
    [
        ("7", "8", 9, "tenant_tasks = 7  # option"),
        (None, "8", 9, "tenant_tasks = 8  # environment"),
        (None, None, 9, "tenant_tasks = 9  # {file}"),
        (None, None, None, "tenant_tasks = 5  # default"),
    ],
)
def test_an_option_beats_the_environment_that_the_file_and_that_the_default(
    file, option, variable, in_file, expected
):
    file.write_text(f"[controller]\ntenant_tasks = {in_file}\n" if in_file else "")
    arguments = ["--tenant-tasks", option] if option else []

    said = shown(
        "up", *arguments, env={"DYETRACE_CONFIG": str(file), "DYETRACE_TENANT_TASKS": variable}
    )

    assert expected.format(file=file) in said.splitlines()


@pytest.mark.parametrize(
    ("command", "content"),
    [
        ("up", '[controller]\ncloud = "none"\ngate_at = "c.example:7443"\ntenant_packets = 9\n'),
        (
            "agent",
            '[agent]\nnetns = ["a*", "b"]\nclsact = true\nring_kib = 8\nvxlan_port = [1, 2]\n',
        ),
    ],
)
def test_what_is_shown_is_a_file_that_means_the_same(file, command, content):
    file.write_text(content)
    said = shown(command, "--config", str(file))
    wanted, found = tomllib.loads(content), tomllib.loads(said)
    again = file.with_name("again.toml")
    again.write_text(said)

    (table,) = wanted
    assert found[table] | wanted[table] == found[table]
    assert tomllib.loads(shown(command, "--config", str(again))) == found


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[controller]\nlisten_on = 1", "listen_on is no setting of [controller]; nearest: listen"),
        ("[controler]", "controler is no table; nearest: controller"),
        ("listen = 'x'", "listen is no table"),
        ("[controller]\nconfig = 'x'", "config is no setting"),
        ("controller = 3", "controller is no setting"),
        ("[controller]\nlisten = ['x']", "listen is one value"),
        ("[controller]\ntenant_tasks = -1", "tenant_tasks = -1: "),
        ("[controller]\ntenant_tasks = 'few'", 'tenant_tasks = "few": '),
        ("[controller]\ntenant_tasks = true", "tenant_tasks cannot be true"),
        ("[controller]\nlisten = ", "Invalid value"),
    ],
)
def test_what_no_setting_can_be_is_refused_with_the_file_and_the_key(file, content, said):
    file.write_text(content)

    answer = shown("up", "--config", str(file))

    assert said in answer
    assert str(file) in answer


@pytest.mark.parametrize(
    ("command", "variable", "is_told"),
    [
        ("up", "DYETRACE_TENANT_TASK", True),
        ("up", "DYETRACE_TENANT_TASKS", False),
        ("up", "DYETRACE_AGENT_RING", False),
        ("up", "DYETRACE_SERVER", False),
        ("agent", "DYETRACE_AGENT_RING", True),
        ("agent", "DYETRACE_AGENT_RING_KIB", False),
        ("agent", "DYETRACE_AGENT_IDLE_S", False),
        ("agent", "DYETRACE_TENANT_TASK", False),
    ],
)
def test_a_variable_that_sets_nothing_is_told_with_the_nearest(command, variable, is_told):
    done = runner.invoke(app, [command, "--show-config"], env={variable: "7"})

    assert done.exit_code == 0
    assert (f"warning: {variable} is no setting; nearest: {variable}" in done.stderr) is is_told


def test_a_file_asked_for_by_name_and_missing_is_an_error(file):
    assert str(file) in shown("agent", "--config", str(file))


@pytest.mark.parametrize(
    "command",
    [
        *("token create", "token list", "token revoke", "quota set", "quota clear", "quota list"),
        *("audit", "kill", "gate token", "gate list", "gate revoke"),
        *("gate certificate --into z", "gate log-config --region z --store z --identity z"),
    ],
)
def test_a_command_about_the_controller_looks_where_the_controller_does(command, file):
    file.write_text("[controller]\nlistn = 1\n")

    done = runner.invoke(app, [*command.split(), "--config", str(file), "x", "y"])

    assert "listn is no setting of [controller]" in str(done.exception)
    helped = runner.invoke(app, [*command.split(), "--help"]).output
    assert "--state" in helped
    assert ("--database-file" in helped) is not command.startswith("gate")


@pytest.mark.parametrize(("command", "page"), [("up", "service.md"), ("agent", "agents.md")])
def test_every_setting_stands_in_the_howto(command, page):
    documented = (HOWTO / page).read_text()
    names = re.findall(r"^#? ?(\w+) (?:=|is not set)", shown(command), re.MULTILINE)

    assert len(names) > 5
    assert [name for name in names if f"`{name}`" not in documented] == []


def test_a_password_is_taken_from_a_file_only(file, tmp_path):
    url = "postgresql://ann:s3cret@db/dyetrace"
    file.write_text(f"{url}\n")

    assert database_url(None, file, tmp_path) == url
    for plain in (url, "postgresql://db/dyetrace?user=ann&password=s3cret"):
        with pytest.raises(InvalidRequest, match="--database-file") as refused:
            database_url(plain, None, tmp_path)
        assert "s3cret" not in str(refused.value)
    with pytest.raises(InvalidRequest, match="not both"):
        database_url("sqlite:////x", file, tmp_path)
    assert database_url(None, None, tmp_path) == f"sqlite:///{tmp_path}/dyetrace.db"
