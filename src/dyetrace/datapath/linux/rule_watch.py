"""Which nftables rules packets meet: nftables' own trace, of chosen packets only.

A table of ours marks them for tracing: colored ones, or a flow's uncolored
ones. It is owned by the netlink socket of an `nft` process that we hold by its
standard input: however we end, the process ends, its socket closes, and the
kernel removes the table.
"""

import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.nft_trace import TraceStep, trace_steps
from dyetrace.datapath.linux.rule_traces import RuleTraces
from dyetrace.datapath.linux.ruleset import PROGRAM_PATH
from dyetrace.model.packet import FiveTuple
from dyetrace.model.site import Uncolored

IPV4 = 4
NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NFNLGRP_NFTRACE = 9
SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h; Python has no name for it

TABLE = f"dyetrace-{os.getpid()}"
UNCOLORED_TABLE = f"{TABLE}-uncolored"
# Raw tables and conntrack's defragmentation stand at -400 and later.
BEFORE_ALL_OTHERS = "type filter hook prerouting priority -450"
FAMILIES = ("bridge", "inet")
FIRST_PACKETS = "limit rate 2/second burst 20 packets "  # the kernel's bound on what tracing costs
PORTS = {6: "tcp", 17: "udp", 33: "dccp", 132: "sctp"}
READY_WITHIN_S = 1.0
RECEIVE_BYTES = 1 << 16
BUFFER_BYTES = 4 << 20  # of the kernel's memory, at most: a step takes about 1 KB there


class RuleWatch:
    """Traces packets through one namespace's rules, until it is closed.

    What was traced can be asked for by any thread, also after it was closed.
    """

    def __init__(
        self,
        netns: Netns,
        matches: Iterable[str],
        *,
        limit: str = FIRST_PACKETS,
        table: str = TABLE,
    ) -> None:
        """Begin to trace what nft expressions match.

        Raises OSError, DatapathError or TimeoutError if that can't be.
        """
        program = shutil.which("nft", path=PROGRAM_PATH)
        if program is None:
            raise FileNotFoundError("nft is not installed")
        self._traces = RuleTraces()
        self._lock = threading.Lock()
        self._is_open = True
        self._socket = netns.run(_listening)
        try:
            self._process = netns.run(lambda: _interactive(program))
        except BaseException:
            self._socket.close()
            raise
        try:
            self._mark(table, [f"{match} {limit}" for match in matches])
        except BaseException:
            self.close()
            raise

    def first_of(self, flow: FiveTuple) -> Sequence[TraceStep]:
        """Give what the first traced packet of a flow met."""
        with self._lock:
            self._read()
            return tuple(self._traces.first_of(flow))

    def dropped_of(self, flow: FiveTuple) -> Sequence[TraceStep]:
        """Give what the latest traced packet of a flow met that a rule dropped."""
        with self._lock:
            self._read()
            return tuple(self._traces.dropped_of(flow))

    def uncolored(self, flow: FiveTuple, *, family: str, table: str) -> Uncolored:
        """Count what became of a flow's packets that met rules of a table."""
        with self._lock:
            self._read()
            return self._traces.uncolored(flow, family=family, table=table)

    def close(self) -> None:
        """End the trace and remove the table; what was traced is kept."""
        with self._lock:
            if not self._is_open:
                return
            with suppress(OSError):
                self._read()
            self._is_open = False
            self._socket.close()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(READY_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _mark(self, table: str, matches: Sequence[str]) -> None:
        """Set the table up in each family, and wait until nft shows that it stands."""
        lines = []
        for family in FAMILIES:
            chain = f"{family} {table} traced"
            lines += [
                f"add table {family} {table} {{ flags owner; }}",
                f"add chain {chain} {{ {BEFORE_ALL_OTHERS}; }}",
                *(f"add rule {chain} {match} meta nftrace set 1" for match in matches),
                f"list table {family} {table}",
            ]
        if self._process.stdin is None or self._process.stdout is None:
            raise OSError("nft has no standard input")
        self._process.stdin.write("".join(f"{line}\n" for line in lines).encode())
        self._process.stdin.flush()
        self._await_tables(self._process.stdout.fileno())

    def _await_tables(self, output: int) -> None:
        shown, deadline = b"", time.monotonic() + READY_WITHIN_S
        while shown.count(b"\n}") < len(FAMILIES):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([output], [], [], left)[0]:
                raise TimeoutError(f"nft did not set its trace up: {shown.decode()}")
            if not (more := os.read(output, RECEIVE_BYTES)):
                raise OSError(f"nft ended: {shown.decode()}")
            shown += more
            if b"Error" in shown:
                raise OSError(f"nft refused: {shown.decode()}")

    def _read(self) -> None:
        while self._is_open:
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # ENOBUFS: steps were lost, later packets tell the same
            for step in trace_steps(data):
                self._traces.take(step)


def colored(colors: Iterable[int]) -> tuple[str, ...]:
    """Match packets that have a color."""
    dscp = _set_of(colors)
    return (f"ip dscp {dscp}", f"ip6 dscp {dscp}")


def uncolored(flow: FiveTuple, colors: Iterable[int]) -> tuple[str, ...]:
    """Match packets of a flow that have no color."""
    ip = "ip" if flow.src.version == IPV4 else "ip6"
    ports = PORTS.get(flow.protocol)
    which = (
        f"{ports} sport {flow.src_port} {ports} dport {flow.dst_port}"
        if ports
        else f"meta l4proto {flow.protocol}"
    )
    ends = f"{ip} saddr {flow.src} {ip} daddr {flow.dst}"
    return (f"{ends} {ip} dscp != {_set_of(colors)} {which}",)


def _set_of(colors: Iterable[int]) -> str:
    return "{ " + ", ".join(map(str, sorted(colors))) + " }"


def _listening() -> socket.socket:
    opened = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
    )
    try:
        opened.bind((0, 0))
        opened.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
        with suppress(OSError):  # without the right to it the usual buffer must do
            opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        opened.setblocking(False)
    except BaseException:
        opened.close()
        raise
    return opened


def _interactive(program: str) -> "subprocess.Popen[bytes]":
    """Start nft; it is a child of the visiting thread, and so in the namespace visited."""
    return subprocess.Popen(
        [program, "-i"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
