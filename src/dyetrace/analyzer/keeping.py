"""What an analyzer keeps for the one that comes after it: a file for each partition."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dyetrace.errors import InvalidRequest


class Keeper(Protocol):
    """Keeps the newest state of each partition."""

    def load(self, partition: int) -> bytes | None:
        """Give what was kept last."""

    def save(self, partition: int, state: bytes) -> None:
        """Keep a state instead of the one before: all of it, or not at all."""


@dataclass(slots=True)
class MemoryKeeper:
    """Keeps states for the length of a process."""

    states: dict[int, bytes]

    def load(self, partition: int) -> bytes | None:
        """Give what was kept last."""
        return self.states.get(partition)

    def save(self, partition: int, state: bytes) -> None:
        """Keep a state."""
        self.states[partition] = state


@dataclass(frozen=True, slots=True)
class FolderKeeper:
    """Keeps states in a folder."""

    folder: Path

    def load(self, partition: int) -> bytes | None:
        """Give what was kept last; raises InvalidRequest where it cannot be read."""
        try:
            return self._file(partition).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InvalidRequest(
                f"{self._file(partition)} cannot be read ({error}): give another --state, or "
                "remove the file: what the log still has is then read again"
            ) from error

    def save(self, partition: int, state: bytes) -> None:
        """Keep a state; a crash leaves the old one or the new one."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.folder / f".{partition}.draft"
        with draft.open("wb") as file:
            file.write(state)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._file(partition))

    def _file(self, partition: int) -> Path:
        return self.folder / f"partition-{partition}"
