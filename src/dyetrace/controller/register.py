"""The register of agents' certificates: which were given to whom, and which still hold.

What is not in it is not believed, whoever signed it. Several processes write it: a file is
read again when it has become another, and all are looked at when the folder has changed.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
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


Stamp = tuple[int, int, int]
"""What changes with a file, for it is replaced and never written into: inode, time, size."""

TICK_NS = 100_000_000  # what changes within a tick of the file system's clock shows no change


@dataclass(slots=True)
class _Memory:
    """What was read last; replaced as one, for threads read it."""

    seen: tuple[int, Mapping[str, tuple[Stamp, Entry]], tuple[Entry, ...]] = (-1, {}, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """A file for each certificate that has not expired."""

    folder: Path
    _memory: _Memory = field(default_factory=_Memory, compare=False)

    def add_joined(self, entry: Entry, *, may_replace: bool, now: float) -> None:
        """Enter a host's first certificate; raises CertificateRefused where it has one."""
        with self._locked():
            entries = self.entries()
            others = [each for each in entries if each.host == entry.host]
            if any(each.holds(now) for each in others):
                if not may_replace:
                    raise CertificateRefused(
                        f"host {entry.host} has joined already: revoke it, or make a token for it "
                        f"by name (`dyetrace gate token --host {entry.host}`)"
                    )
                self._revoke(others)
            for each in entries:
                if now >= each.expires:
                    (self.folder / each.serial).unlink(missing_ok=True)
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
        return [each for each in self.entries() if each.holds(now)]

    def entries(self) -> tuple[Entry, ...]:
        """Give all, by serial: the same tuple as long as nothing has changed."""
        changed_ns, known, entries = self._memory.seen
        try:
            now_ns, folder_ns = time.time_ns(), self.folder.stat().st_mtime_ns
        except FileNotFoundError:
            return ()
        if folder_ns == changed_ns:
            return entries
        found = dict(self._files(known))
        entries = tuple(found[name][1] for name in sorted(found))
        is_settled = now_ns - folder_ns > TICK_NS
        self._memory.seen = (folder_ns if is_settled else -1, found, entries)
        return entries

    def _files(
        self, known: Mapping[str, tuple[Stamp, Entry]]
    ) -> Iterator[tuple[str, tuple[Stamp, Entry]]]:
        with os.scandir(self.folder) as files:
            for file in files:
                if file.name[0] == ".":
                    continue
                with suppress(FileNotFoundError):  # forgotten at this moment
                    facts = file.stat()
                    stamp = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
                    before = known.get(file.name)
                    if before is not None and before[0] == stamp:
                        yield file.name, before
                    else:
                        content = Path(file.path).read_bytes()
                        yield file.name, (stamp, Entry(**json.loads(content)))

    def revoke(self, name: str) -> tuple[str, ...]:
        """Revoke by host or serial, with all renewals; returns the serials."""
        with self._locked():
            entries = self.entries()
            lineages = {each.lineage for each in entries if name in (each.host, each.serial)}
            return self._revoke(each for each in entries if each.lineage in lineages)

    def _revoke(self, entries: "Iterator[Entry] | list[Entry]") -> tuple[str, ...]:
        fallen = [replace(each, is_revoked=True) for each in entries if not each.is_revoked]
        for each in fallen:
            self._write(each)
        return tuple(each.serial for each in fallen)

    def _write(self, entry: Entry) -> None:
        write_private(self.folder / entry.serial, json.dumps(asdict(entry)).encode())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one process change it at a time."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
