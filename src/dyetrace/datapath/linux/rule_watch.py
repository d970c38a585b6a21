"""Which nftables rule drops colored packets: nftables' own trace, of colored packets only.

A table of ours marks colored packets for tracing. It is owned by the netlink
socket of an `nft` process that we hold by its standard input: however we end,
the process ends, its socket closes, and the kernel removes the table.
"""

import os
import select
import shutil
import socket
import subprocess
import time
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress

from dyetrace.datapath.headers import Headers, parse_headers
from dyetrace.datapath.linux.namespaces import Netns
from dyetrace.datapath.linux.nft_trace import TraceStep, trace_steps
from dyetrace.datapath.linux.ruleset import PROGRAM_PATH, RulePlace
from dyetrace.model.packet import FiveTuple
from dyetrace.model.record import address_of

NETLINK_NETFILTER = 12
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
NFNLGRP_NFTRACE = 9

TABLE = f"dyetrace-{os.getpid()}"
# Raw tables and conntrack's defragmentation stand at -400 and later.
BEFORE_ALL_OTHERS = "type filter hook prerouting priority -450"
FAMILIES = ("bridge", "inet")
READY_WITHIN_S = 1.0
RECEIVE_BYTES = 1 << 16
PACKETS_KEPT = 1000


class RuleWatch:
    """Traces colored packets through one namespace's rules, until it is closed."""

    def __init__(self, netns: Netns, colors: Iterable[int]) -> None:
        """Begin to trace; raises OSError, DatapathError or TimeoutError if that can't be."""
        program = shutil.which("nft", path=PROGRAM_PATH)
        if program is None:
            raise FileNotFoundError("nft is not installed")
        self._headers: OrderedDict[int, Headers] = OrderedDict()
        self._drops: OrderedDict[int, RulePlace] = OrderedDict()
        self._socket = netns.run(_listening)
        try:
            self._process = netns.run(lambda: _interactive(program))
        except BaseException:
            self._socket.close()
            raise
        try:
            self._mark(sorted(colors))
        except BaseException:
            self.close()
            raise

    def place_of_drop(self, flow: FiveTuple) -> RulePlace | None:
        """Say which rule has dropped packets of a flow, as they came into the namespace."""
        self._read()
        for trace_id in reversed(self._drops):
            headers = self._headers.get(trace_id)
            if headers is not None and _is_of(headers, flow):
                return self._drops[trace_id]
        return None

    def close(self) -> None:
        """End the trace and remove the table."""
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

    def _mark(self, colors: list[int]) -> None:
        """Set the table up in each family, and wait until nft shows that it stands."""
        dscp = "{ " + ", ".join(map(str, colors)) + " }"
        lines = []
        for family in FAMILIES:
            chain = f"{family} {TABLE} colored"
            lines += [
                f"add table {family} {TABLE} {{ flags owner; }}",
                f"add chain {chain} {{ {BEFORE_ALL_OTHERS}; }}",
                f"add rule {chain} ip dscp {dscp} meta nftrace set 1",
                f"add rule {chain} ip6 dscp {dscp} meta nftrace set 1",
                f"list table {family} {TABLE}",
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
        while True:
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:
                continue  # ENOBUFS: steps were lost, later packets tell the same
            for step in trace_steps(data):
                self._take(step)

    def _take(self, step: TraceStep) -> None:
        if step.network_header and step.trace_id not in self._headers:
            headers = parse_headers(step.network_header + step.transport_header)
            if headers is not None:
                self._headers[step.trace_id] = headers
        if step.is_drop:
            self._drops[step.trace_id] = RulePlace(
                family=step.family, table=step.table, chain=step.chain, handle=step.handle
            )
        for kept in (self._headers, self._drops):
            while len(kept) > PACKETS_KEPT:
                kept.popitem(last=False)


def _listening() -> socket.socket:
    opened = socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
    )
    try:
        opened.bind((0, 0))
        opened.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTRACE)
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


def _is_of(headers: Headers, flow: FiveTuple) -> bool:
    return (
        address_of(headers.src) == flow.src
        and address_of(headers.dst) == flow.dst
        and headers.protocol == flow.protocol
        and (headers.src_port, headers.dst_port) == (flow.src_port, flow.dst_port)
    )
