"""The processes of a simulation, started, measured and ended."""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dyetrace.errors import DyetraceError

TICKS = os.sysconf("SC_CLK_TCK")
END_WITHIN_S = 20.0


class ProcessFailed(DyetraceError):
    """A process of the simulation did not start, or ended before its time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What a process has taken so far."""

    cpu_s: float
    memory_peak_bytes: int


@dataclass(slots=True)
class Part:
    """One process, whose standard output is read line by line."""

    name: str
    command: Sequence[str]
    log: Path
    on_line: Callable[[str], None] = lambda _: None  # of its output; called in a thread
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: "subprocess.Popen[str] | None" = None
    _lines: "queue.Queue[str]" = field(default_factory=queue.Queue)

    def start(self) -> None:
        """Start it."""
        inherited = {name: value for name, value in os.environ.items() if "DYETRACE" not in name}
        with self.log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self.command,
                env=inherited | dict(self.environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,  # Ctrl-C is for us: we end it in order
            )
        threading.Thread(target=self._read, daemon=True).start()

    def line_with(self, text: str, *, within_s: float) -> str:
        """Wait for a line of its output that has this in it; raises ProcessFailed."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                line = self._lines.get(timeout=0.1)
                if text in line:
                    return line
                continue
            self.check()
        raise ProcessFailed(f"{self.name} did not say {text!r} in {within_s:.0f} s{self._said()}")

    def tell(self, line: str) -> None:
        """Write a line to its standard input; one that has ended does not hear it."""
        process = self._process
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.write(line + "\n")
                process.stdin.flush()

    def check(self) -> None:
        """Raise ProcessFailed where it has ended."""
        if self._process is None or self._process.poll() is not None:
            raise ProcessFailed(f"{self.name} has ended{self._said()}")

    def used(self) -> Used:
        """Measure it, while it lives."""
        assert self._process is not None  # noqa: S101 - started
        folder = Path(f"/proc/{self._process.pid}")
        fields = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        status = (folder / "status").read_text(encoding="utf-8").splitlines()
        peak = next(line for line in status if line.startswith("VmHWM"))
        return Used(
            cpu_s=(int(fields[11]) + int(fields[12])) / TICKS,
            memory_peak_bytes=int(peak.split()[1]) * 1024,
        )

    def end(self) -> None:
        """End it, in order if it will."""
        process = self._process
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _read(self) -> None:
        process = self._process
        if process is not None and process.stdout is not None:
            with process.stdout as lines:
                for line in lines:
                    self._lines.put(line.rstrip("\n"))
                    self.on_line(line.rstrip("\n"))

    def _said(self) -> str:
        last = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
        return f": {' / '.join(last)}" if last else ""


def end_all(parts: Iterable[Part]) -> None:
    """End all, the last started first."""
    for part in reversed(list(parts)):
        part.end()
