"""How long programs run, against an empty one in the same moment."""

import ctypes
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from dyetrace.datapath.linux.libbpf import TestRunOptions, call
from dyetrace.datapath.linux.programs import Programs
from lib.stats import SEED


@dataclass(slots=True, kw_only=True)
class Case:
    """A program on a packet; net_ns: what it took beyond the empty program, one a round."""

    name: str
    program: int
    frame: bytes
    is_undyed: bool = False
    limit_ns: float | None = None
    changes_packet: bool = False  # then a second run would see another packet
    net_ns: list[float] = field(default_factory=list)
    gross_ns: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """How often to run: rounds, and in each every case so many times."""

    rounds: int
    undyed: int
    dyed: int = 1


def measure(cases: Iterable[Case], programs: Programs, *, empty: int, runs: Runs) -> list[float]:
    """Run all cases in each round, in random order, each between two runs of the empty program.

    Fills in the cases; gives the ns of the empty program. Dyed packets fill
    the ring, so theirs are few and the ring is drained after them.
    """
    order = list(cases)
    draw = random.Random(SEED)
    empties = []
    for _ in range(runs.rounds):
        draw.shuffle(order)
        for case in order:
            times = runs.undyed if case.is_undyed else runs.dyed
            before = _ns_per_run(empty, case, times)
            gross = _ns_per_run(case.program, case, times)
            after = _ns_per_run(empty, case, times)
            programs.drain()
            case.gross_ns.append(gross)
            case.net_ns.append(gross - (before + after) / 2)
            if case.is_undyed:
                empties += [before, after]
    return empties


def _ns_per_run(program: int, case: Case, times: int) -> float:
    """Take the mean; the kernel's own figure of a test run is cut to whole ns."""
    if not case.changes_packet:
        return _run_ns(program, case.frame, times)
    # A fresh packet each time: only the kernel can leave its making out.
    runs = sorted(_kernel_ns(program, case.frame) for _ in range(times))
    return float(runs[len(runs) // 2])


def _run_ns(program: int, frame: bytes, times: int) -> float:
    options = _options(frame, times)
    began = time.thread_time_ns()
    call("bpf_prog_test_run_opts", program, ctypes.byref(options), doing="running a program")
    return (time.thread_time_ns() - began) / times


def _kernel_ns(program: int, frame: bytes) -> int:
    options = _options(frame, 1)
    call("bpf_prog_test_run_opts", program, ctypes.byref(options), doing="running a program")
    return int(options.duration)


def _options(frame: bytes, times: int) -> TestRunOptions:
    return TestRunOptions(
        sz=ctypes.sizeof(TestRunOptions),
        data_in=ctypes.cast(ctypes.c_char_p(frame), ctypes.c_void_p),
        data_size_in=len(frame),
        repeat=times,
    )
