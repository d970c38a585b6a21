"""Lines of a log: for people as text, for programs as one JSON object each.

Whoever logs about a task gives its id: `log.warning("...", extra={"task": name})`.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

from dyetrace.errors import InvalidRequest

FORMATS = ("text", "json")


class TextLines(logging.Formatter):
    """For people: who says it, of which task, and what."""

    def __init__(self, said_by: str) -> None:
        """Begin each line with a word."""
        super().__init__()
        self._said_by = said_by

    def format(self, record: logging.LogRecord) -> str:
        """Write a line, and under it where a bug is."""
        task = getattr(record, "task", None)
        about = f"task {task}: " if task else ""
        line = f"{self._said_by}{about}{record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonLines(logging.Formatter):
    """For programs: at, level, logger, text, task, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one object in one line."""
        at = datetime.fromtimestamp(record.created, UTC)
        facts: dict[str, object] = {
            "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "text": record.getMessage(),
        }
        if task := getattr(record, "task", None):
            facts["task"] = task
        if record.exc_info:
            facts["exception"] = self.formatException(record.exc_info)
        return json.dumps(facts)


def begin_log(
    log_format: str, *, level: int, said_by: str = "dyetrace: ", to: TextIO | None = None
) -> None:
    """Log from now on in a format; raises InvalidRequest for one that is not there.

    The level is ours: libraries say what is a warning or worse.
    """
    if log_format not in FORMATS:
        raise InvalidRequest(f"no log format {log_format!r}: {', '.join(FORMATS)}")
    handler = logging.StreamHandler(to or sys.stderr)
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines(said_by))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger("dyetrace").setLevel(level)
