"""What /proc says of a process."""

import os
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
SCHEDULER_CLOCK = 2  # CPUCLOCK_SCHED: see clock_getcpuclockid(3)


def memory_kb(pid: int | str, name: str) -> int:
    """Read a field of /proc/PID/status, such as VmRSS or VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(f"process {pid} has no {name}")


def cpu_ticks(pid: int) -> int:
    """Count the clock ticks a process has run, in user space and the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def scheduled_ns(pid: int) -> int:
    """Count the ns all threads of a process have run, this very moment included."""
    return time.clock_gettime_ns(~pid << 3 | SCHEDULER_CLOCK)
