"""A steady load from one VM to another, and what has come of it so far."""

import math
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dyetrace.lab.ends import Vm
from lib.processes import scheduled_ns

BENCH = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Counts at one moment."""

    at_s: float
    packets: int  # that entered the receiver
    octets: int
    cpu_ns: int  # run by the two ends, and by the kernel's softirq threads of their CPUs

    def since(self, earlier: "Sample") -> "Rates":
        """Compare with an earlier one."""
        time_s, packets = self.at_s - earlier.at_s, self.packets - earlier.packets
        octets, cpu_ns = self.octets - earlier.octets, self.cpu_ns - earlier.cpu_ns
        return Rates(
            packets_per_s=packets / time_s,
            gbit_per_s=octets * 8e-9 / time_s,
            cpu_ns_per_kb=cpu_ns / (octets / 1024) if octets else math.inf,
            cpu_ns_per_packet=cpu_ns / packets if packets else math.inf,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What went through between two samples, and the CPU time it took."""

    packets_per_s: float
    gbit_per_s: float
    cpu_ns_per_kb: float
    cpu_ns_per_packet: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A sender and a receiver that run."""

    receiver: int  # pid
    paid_by: tuple[int, ...]  # pids of all that carries the packets

    def sample(self) -> Sample:
        """Read the receiver's interface counters and the CPU times."""
        for line in Path(f"/proc/{self.receiver}/net/dev").read_text(encoding="utf-8").splitlines():
            name, _, counts = line.partition(":")
            if name.strip() == "eth0":
                octets, packets = map(int, counts.split()[:2])
                break
        else:
            raise ValueError("the receiver has no eth0")
        return Sample(
            at_s=time.perf_counter(),
            packets=packets,
            octets=octets,
            cpu_ns=sum(map(scheduled_ns, self.paid_by)),
        )


@contextmanager
def flooding(source: Vm, destination: Vm, protocol: str) -> Iterator[Load]:
    """Send as fast as it goes, on one CPU, to a receiver on another one.

    The sender's CPU does all of the forwarding: virtual links hand packets on
    within one CPU's softirq.
    """
    sending, receiving = forwarding_cpu(), (os.cpu_count() or 1) - 1
    address = destination.address(4)
    receiver = _start(destination, "receive", protocol, address, receiving)
    ends = [receiver]
    try:
        if receiver.stdout is None or receiver.stdout.readline() != b"ready\n":
            raise RuntimeError("the receiver did not start")
        sender = _start(source, "send", protocol, address, sending)
        ends.append(sender)
        threads = [_softirq_thread(sending)]
        if protocol == "tcp":
            threads += [receiver.pid, _softirq_thread(receiving)]
        yield Load(receiver=receiver.pid, paid_by=(sender.pid, *threads))
    finally:
        for end in ends:
            end.kill()
            end.communicate()


def forwarding_cpu() -> int:
    """Choose the first CPU for the sender, hence for the forwarding; the last one receives."""
    return 0


def _start(vm: Vm, role: str, protocol: str, address: str, cpu: int) -> subprocess.Popen[bytes]:
    flood = (sys.executable, "-m", "lib.flood", role, protocol, address, str(cpu))
    return subprocess.Popen(
        ("ip", "netns", "exec", vm.netns, *flood),
        cwd=BENCH,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


def _softirq_thread(cpu: int) -> int:
    for comm in Path("/proc").glob("[0-9]*/comm"):
        if comm.read_text(encoding="utf-8").strip() == f"ksoftirqd/{cpu}":
            return int(comm.parent.name)
    raise ValueError(f"CPU {cpu} has no ksoftirqd")
