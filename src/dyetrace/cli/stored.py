"""Where the commands of a controller find what it keeps."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from dyetrace.errors import InvalidRequest

if TYPE_CHECKING:
    from dyetrace.controller.store import Database


def database_url(url: str | None, file: Path | None, state: Path) -> str:
    """Say where tasks are kept: what the options name, else a file of the state folder.

    Raises InvalidRequest for a password where others can read it, and what the folder raises.
    """
    if url is not None and file is not None:
        raise InvalidRequest("give --database or --database-file, not both")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise InvalidRequest(f"--database-file {file}: {error}") from error
    if url is None:
        from dyetrace.controller.store.database import state_folder

        return f"sqlite:///{state_folder(state) / 'dyetrace.db'}"
    if _has_password(url):
        raise InvalidRequest(
            "--database has a password, which others on this machine can read: write the URL to a "
            "file that only its owner reads, and give that as --database-file"
        )
    return url


def open_database(url: str | None, file: Path | None, state: Path) -> "Database":
    """Open what the controller keeps, as the user who keeps it."""
    from dyetrace.controller.store import Database

    act_as_owner(state)
    return Database(database_url(url, file, state))


def act_as_owner(state: Path) -> None:
    """Go on as the user whose folder it is: what root writes, the controller could not read."""
    try:
        owner = state.stat()
    except OSError:
        return  # it is yet to be made
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


def refuse_as_root(state: Path) -> None:
    """Raise InvalidRequest if root would serve from another user's folder."""
    import pwd

    if os.geteuid() == 0 and state.is_dir() and (owner := state.stat().st_uid) != 0:
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = f"'#{owner}'"
        raise InvalidRequest(
            f"--state {state} is user {name}'s: run this as that user (sudo -u {name}), or with "
            "another --state"
        )


def _has_password(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.password) or "password" in parse_qs(parts.query)
    except ValueError:
        return False  # it is no URL, which whoever opens it will say
