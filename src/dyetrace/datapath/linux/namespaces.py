"""The network namespaces of this host, and ways into them."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from dyetrace.datapath.linux.errors import NamespaceVanished
from dyetrace.datapath.linux.netns import CLONE_NEWNET, netns_number, run_in
from dyetrace.datapath.linux.owners import name_of_process, processes
from dyetrace.datapath.linux.privileges import may_enter_namespaces

T = TypeVar("T")

NAMES = Path("/run/netns")
NS_GET_NSTYPE = 0xB703  # include/uapi/linux/nsfs.h

# Names that a machine gave: the container inside says more.
MADE_UP_NAME = re.compile(r"cni-[0-9a-f-]{8,}|[0-9a-f]{12,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which namespaces to look at: all of the host's, or those whose names match a glob.

    others: globs of those that are another agent's, which win: two agents at one
    port would take each other's colors off.
    """

    names: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def covers(self, name: str) -> bool:
        """Whether a named namespace is to be looked at."""
        if self.excludes(name):
            return False
        return not self.names or any(fnmatchcase(name, pattern) for pattern in self.names)

    def excludes(self, name: str) -> bool:
        """Whether a named namespace is another agent's."""
        return any(fnmatchcase(name, pattern) for pattern in self.others)


@dataclass(slots=True, kw_only=True)
class Netns:
    """A network namespace and the way into it.

    While it is held open it can be entered even if its name or its processes
    are gone; but it also lives on, with its devices, so close it when the VFD
    is no longer of interest.
    """

    inode: int
    name: str  # as `ip netns` has it, /proc/PID/ns/net without a name, empty for the host's own
    path: str
    owner: str = ""  # the process or container that lives there, where that says more
    _fd: int = field(default=-1, repr=False)

    def run(self, function: Callable[[], T]) -> T:
        """Call the function inside the namespace, in a thread of its own.

        Raises what the function raises, NamespaceVanished or NotPermitted.
        """
        if self._fd >= 0:
            return run_in(self._fd, function)
        try:
            fd = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise NamespaceVanished(self.path) from error
        try:
            if os.fstat(fd).st_ino != self.inode:  # the name, or the pid, was given anew
                raise NamespaceVanished(self.path)
            return run_in(fd, function)
        finally:
            os.close(fd)

    @property
    def is_open(self) -> bool:
        """Whether it is held open."""
        return self._fd >= 0

    def fileno(self) -> int:
        """Give the descriptor, for those who enter by themselves; -1 once closed."""
        return self._fd

    def close(self) -> None:
        """Let go of the namespace; it can still be entered by its path while that exists."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        """Use it for the length of a `with` block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def open_namespaces(scope: Scope, notes: list[str]) -> list[Netns]:
    """Open the namespaces in scope, the host's own first, each once.

    What cannot be opened is noted and left out. The caller closes them.
    """
    found: dict[int, Netns] = {}
    if not may_enter_namespaces():
        notes.append("only this namespace is looked at: without CAP_SYS_ADMIN no other is entered")
        return [] if scope.names else [own_namespace()]
    pids = _pids_by_namespace()
    for name, path in _candidates(scope, pids):
        try:
            netns = _open(name, path)
        except FileNotFoundError:
            continue  # gone since it was listed: nothing is missing
        except OSError as error:
            notes.append(f"namespace {name or path} was left out: {error.strerror or error}")
            if error.errno == errno.EMFILE:
                notes.append("more namespaces than files may be open: raise `ulimit -n`")
                break
            continue
        if netns.inode in found:
            netns.close()
            continue
        pid = pids.get(netns.inode)
        if pid is not None and name and (name == path or MADE_UP_NAME.fullmatch(name)):
            netns.owner = name_of_process(pid)
        found[netns.inode] = netns
    if not found and scope.names:
        notes.append(f"no namespace has a name like {' or '.join(scope.names)}: see `ip netns`")
    return list(found.values())


def own_namespace(path: str = "/proc/self/ns/net") -> Netns:
    """Open the namespace this process was started in, or the one at the path."""
    return _open("", path)


def _candidates(scope: Scope, pids: dict[int, int]) -> Iterator[tuple[str, str]]:
    """Yield name and path of namespaces: the host's own, the named, those of processes."""
    if not scope.names:
        # Of the main thread: it never changes its namespace.
        yield "", f"/proc/{os.getpid()}/ns/net"
    others: set[int] = set()
    for entry in sorted(NAMES.iterdir()) if NAMES.is_dir() else ():
        if scope.covers(entry.name):
            yield entry.name, str(entry)
        elif scope.excludes(entry.name):
            with suppress(OSError):  # gone since it was listed
                others.add(entry.stat().st_ino)
    if not scope.names:
        for inode, pid in pids.items():
            path = f"/proc/{pid}/ns/net"
            if inode not in others:
                yield path, path


def _pids_by_namespace() -> dict[int, int]:
    """Find the lowest pid, most likely the first process, of each namespace."""
    found: dict[int, int] = {}
    for pid in processes():
        # One that has ended, or is not ours to look at, is left out: `doctor` tells who we are.
        with suppress(NamespaceVanished):
            found.setdefault(netns_number(f"/proc/{pid}/ns/net"), pid)
    return found


def _open(name: str, path: str) -> Netns:
    # A file of another kind must not make us wait for its writer.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        _check_kind(fd)
        return Netns(inode=os.fstat(fd).st_ino, name=name, path=path, _fd=fd)
    except OSError:
        os.close(fd)
        raise


def _check_kind(fd: int) -> None:
    try:
        kind = ioctl(fd, NS_GET_NSTYPE)
    except OSError as error:
        raise OSError(error.errno, "it is a file left over from a namespace") from error
    if kind != CLONE_NEWNET:
        raise OSError(errno.EINVAL, "it is no network namespace")
