"""A controller's session, kept in its state: whatever process is started anew is the same one."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO
from urllib.parse import quote

from dyetrace.controller.links import new_session
from dyetrace.errors import InvalidRequest
from dyetrace.wire.messages import SessionId


@contextmanager
def own_session(folder: Path, cloud: str) -> Iterator[SessionId]:
    """Give the session of the controller of this cloud, which no other process has meanwhile.

    Raises InvalidRequest where another one has.
    """
    with (folder / f"session.{quote(cloud, safe='')}").open("a+", encoding="ascii") as file:
        _lock(file, folder, cloud)
        file.seek(0)
        session = file.read().strip()
        if not session:
            session = new_session()
            file.write(session)
            file.flush()
        yield session


def _lock(file: TextIO, folder: Path, cloud: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise InvalidRequest(
            f"another controller serves cloud {cloud} with its state in {folder}: "
            "set DYETRACE_STATE to another folder"
        ) from error
