"""The file that tells the product, and later lab commands, what a cloud is made of."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from dyetrace.lab.errors import UnknownName

CLOUDS = Path("/run/dyetrace/clouds")

State = dict[str, Any]


def path_of(cloud: str) -> Path:
    """Say where the state of a cloud is."""
    return CLOUDS / f"{cloud}.json"


def names() -> list[str]:
    """List the clouds that have a state."""
    return sorted(path.stem for path in CLOUDS.glob("*.json"))


def make_directory() -> None:
    """Make the directory that only root may look into: sockets of agents are in there."""
    CLOUDS.mkdir(mode=0o700, parents=True, exist_ok=True)
    CLOUDS.chmod(0o700)


def read(cloud: str) -> State:
    """Read a cloud's state. Raises UnknownName if it is not up."""
    try:
        state: State = json.loads(path_of(cloud).read_text())
    except FileNotFoundError:
        raise UnknownName(what="cloud", name=cloud, known=names()) from None
    if "kind" not in state:  # hosts that have joined a controller: no cloud of the lab
        raise UnknownName(what="cloud", name=cloud, known=names())
    return state


def write(state: State) -> None:
    """Write a cloud's state so that a reader sees the old one or the new one, never half of it."""
    make_directory()
    path = path_of(state["cloud"])
    handle, draft = tempfile.mkstemp(prefix=f".{path.stem}.", dir=CLOUDS)  # 0600 by contract
    try:
        with os.fdopen(handle, "w") as file:
            json.dump(state, file, indent=2)
            file.write("\n")
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise


def forget(cloud: str) -> None:
    """Remove a cloud's state, and the lock that the caller holds."""
    path_of(cloud).unlink(missing_ok=True)
    lock_of(cloud).unlink(missing_ok=True)


@contextmanager
def exclusive(cloud: str) -> Iterator[None]:
    """Let one process at a time build, break, heal or end a cloud."""
    make_directory()
    while True:
        with lock_of(cloud).open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not is_current(file, lock_of(cloud)):
                continue  # its holder took the cloud down, and the lock with it
            # The tools we run hold the lock too: if this process is killed, whoever cleans
            # up after it waits until a tool that is still at work has ended.
            os.set_inheritable(file.fileno(), True)
            yield
            return


def lock_of(cloud: str) -> Path:
    """Say where a cloud's lock is."""
    return CLOUDS / f".{cloud}.lock"


def is_current(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
