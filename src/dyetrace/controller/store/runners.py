"""Who carries a task out, and whether they still live."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

GRACE_S = 600.0  # what a runner on another machine gets beyond its task's trace time


@cache
def this_host() -> str:
    """Name where process ids mean what they mean here: this boot and this pid namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"


def started(pid: int | None) -> int | None:
    """Give a process's start time in clock ticks since boot; None when it is gone, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else int(fields[18])


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """The process that carries a task out, as it was written down."""

    host: str | None  # None: written by dyetrace 0.1, on this machine
    pid: int
    start: int | None
    until: datetime | None

    def is_alive(self, now: datetime, *, is_local: bool) -> bool:
        """Whether it can still carry the task out.

        A process here is looked up. One elsewhere is believed until its time is over;
        but where the database is a file of this machine (is_local), a runner of an
        earlier boot is dead for certain.
        """
        here = this_host()
        if self.host is None or self.host == here:
            return self.start is not None and started(self.pid) == self.start
        if is_local and self.host.partition("/")[0] != here.partition("/")[0]:
            return False
        return self.until is not None and now < self.until
