"""Lines of the log: one each, with the task they are about."""

import io
import json
import logging

import pytest

from dyetrace.errors import InvalidRequest
from dyetrace.wire.log_lines import begin_log

log = logging.getLogger("dyetrace.test")


@pytest.fixture
def said():
    """Give what is logged in a format; afterwards log as before."""
    root, ours = logging.getLogger(), logging.getLogger("dyetrace")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    written = io.StringIO()

    def begin(log_format, level=logging.WARNING):
        begin_log(log_format, level=level, to=written)
        return written

    yield begin
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_a_json_line_has_the_task_and_stays_one_line(said):
    written = said("json")
    log.warning("two\nlines", extra={"task": "00000000000000aa"})
    log.info("not wanted")
    try:
        int("x")
    except ValueError:
        log.exception("failed")

    first, second = map(json.loads, written.getvalue().splitlines())
    assert (first["level"], first["text"]) == ("warning", "two\nlines")
    assert first["task"] == "00000000000000aa"
    assert first["at"].endswith("Z")
    assert "task" not in second
    assert "ValueError: invalid literal" in second["exception"]


def test_a_text_line_names_the_task_first(said):
    written = said("text")
    log.warning("no room", extra={"task": "00000000000000aa"})
    log.warning("plain")

    assert written.getvalue() == "dyetrace: task 00000000000000aa: no room\ndyetrace: plain\n"


def test_libraries_say_only_what_is_a_warning(said):
    written = said("text", logging.INFO)
    log.info("ours")
    logging.getLogger("library").info("theirs")
    logging.getLogger("library").warning("watch out")

    assert written.getvalue() == "dyetrace: ours\ndyetrace: watch out\n"


def test_a_format_that_is_not_there_is_refused():
    with pytest.raises(InvalidRequest, match="text, json"):
        begin_log("xml", level=logging.INFO)
