"""Which controller a command asks."""

import pytest
from typer.testing import CliRunner

from dyetrace.cli.main import app
from dyetrace.cli.remote import checked_url, remote_of
from dyetrace.errors import DyetraceError, InvalidRequest, NotPermitted, UnknownTask

runner = CliRunner()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in ("DYETRACE_SERVER", "DYETRACE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "token").write_text("dye_x_y\n")
    return tmp_path


def context(*arguments):
    return runner.invoke(app, ["context", *arguments])


def add(home, name, server="http://127.0.0.1:7400/"):
    done = context("add", name, "--server", server, "--token-file", str(home / "token"))
    assert done.exit_code == 0, done.output


def test_without_a_context_there_is_no_controller():
    assert remote_of(None, None) is None


def test_an_added_context_is_used_until_another_is(home):
    add(home, "one")
    add(home, "two", "https://two.example")
    assert remote_of(None, None).server == "https://two.example"

    context("use", "one")
    assert remote_of(None, None).server == "http://127.0.0.1:7400"
    assert "* " in context("list").output

    context("use", "local")
    assert remote_of(None, None) is None


def test_what_only_this_machine_can_do_stays_here_unless_a_server_is_named(home):
    add(home, "one")

    assert remote_of(None, None, is_local=True) is None
    assert remote_of("http://x", str(home / "token"), is_local=True).server == "http://x"


@pytest.mark.parametrize("text", ["", "x", "ftp://x", "file:///etc/passwd", "http://", "http://["])
def test_what_is_no_url_is_refused(text):
    with pytest.raises(InvalidRequest):
        checked_url(text)


def test_errors_say_what_to_do(home):
    with pytest.raises(InvalidRequest, match="--token-file"):
        remote_of("http://x", None)
    with pytest.raises(NotPermitted, match="nothing"):
        remote_of("http://x", str(home / "nothing"))
    with pytest.raises(UnknownTask, match="no task"):
        remote_of("http://x", str(home / "token")).task_path("../quotas")
    assert isinstance(context("use", "nobody").exception, InvalidRequest)
    (home / "dyetrace").mkdir()
    (home / "dyetrace" / "contexts.json").write_text("[]")
    with pytest.raises(DyetraceError, match="holds no contexts"):
        remote_of(None, None)
