"""The register of agents' certificates: which were given to whom, and which still hold.

What is not in it is not believed, whoever signed it.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from dyetrace.controller.authority import write_private
from dyetrace.errors import CertificateRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One certificate."""

    serial: str
    host: str
    lineage: str  # the serial of the one that its host joined with; renewals keep it
    expires: float  # seconds since 1970
    is_revoked: bool = False

    def holds(self, now: float) -> bool:
        """Whether its bearer may speak for its host."""
        return not self.is_revoked and now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A file for each certificate that has not expired."""

    folder: Path

    def add_joined(self, entry: Entry, *, may_replace: bool, now: float) -> None:
        """Enter a host's first certificate; raises CertificateRefused where it has one."""
        with self._locked():
            others = [each for each in self._entries() if each.host == entry.host]
            if any(each.holds(now) for each in others):
                if not may_replace:
                    raise CertificateRefused(
                        f"host {entry.host} has joined already: revoke it, or make a token for it "
                        f"by name (`dyetrace gate token --host {entry.host}`)"
                    )
                self._revoke(others)
            self._forget_expired(now)
            self._write(entry)

    def add_renewed(self, entry: Entry, *, of: str, now: float) -> None:
        """Enter a certificate that follows another; raises CertificateRefused where that fell."""
        with self._locked():
            before = self.entry(of)
            if before is None or not before.holds(now):
                raise CertificateRefused(f"the certificate of {entry.host} does not hold any more")
            self._write(replace(entry, lineage=before.lineage))

    def entry(self, serial: str) -> Entry | None:
        """Look one up."""
        try:
            return Entry(**json.loads((self.folder / serial).read_bytes()))
        except FileNotFoundError:
            return None

    def holding(self, now: float) -> list[Entry]:
        """Give those that hold."""
        return [each for each in self._entries() if each.holds(now)]

    def revoke(self, name: str) -> tuple[str, ...]:
        """Revoke by host or serial, with all renewals; returns the serials."""
        with self._locked():
            entries = self._entries()
            lineages = {each.lineage for each in entries if name in (each.host, each.serial)}
            return self._revoke(each for each in entries if each.lineage in lineages)

    def _revoke(self, entries: "Iterator[Entry] | list[Entry]") -> tuple[str, ...]:
        fallen = [replace(each, is_revoked=True) for each in entries if not each.is_revoked]
        for each in fallen:
            self._write(each)
        return tuple(each.serial for each in fallen)

    def _forget_expired(self, now: float) -> None:
        for each in self._entries():
            if now >= each.expires:
                (self.folder / each.serial).unlink(missing_ok=True)

    def _entries(self) -> list[Entry]:
        if not self.folder.is_dir():
            return []
        names = sorted(file.name for file in self.folder.iterdir() if file.name[0] != ".")
        return [found for name in names if (found := self.entry(name)) is not None]

    def _write(self, entry: Entry) -> None:
        write_private(self.folder / entry.serial, json.dumps(asdict(entry)).encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process change it at a time."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
