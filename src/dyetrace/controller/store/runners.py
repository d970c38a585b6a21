"""Who carries a task out, and whether they still live."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

GRACE_S = 600.0  # what a runner on another machine gets beyond its task's trace time
SESSION_LEASE = timedelta(seconds=60)  # for a controller's next process to take its tasks up


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
        earlier boot is dead for certain. Of a controller whose session is kept, the
        next process takes over, if it comes within the lease.
        """
        here, is_within_lease = this_host(), self.until is not None and now < self.until
        place, session = _place_and_session(self.host or here)
        if place == here:
            is_running = self.start is not None and started(self.pid) == self.start
            return is_running or (bool(session) and is_within_lease)
        if is_local and not session and place.partition("/")[0] != here.partition("/")[0]:
            return False
        return is_within_lease


def place_of(session: str) -> str:
    """Name where this process runs, and of which session it is."""
    return f"{this_host()}/{session}" if session else this_host()


def _place_and_session(text: str) -> tuple[str, str]:
    boot, _, rest = text.partition("/")
    namespace, _, session = rest.partition("/")
    return f"{boot}/{namespace}", session
