"""What the kernel lets us do, by trying: nothing that is tried here stays or touches traffic.

These are bare system calls, so that they tell the kernel's answer even where
libbpf is missing.
"""

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import TypeVar

from pyroute2 import IPRoute

from dyetrace.datapath.linux.netns import CLONE_NEWNET

T = TypeVar("T")

BPF_SYSCALL = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
MAP_CREATE, PROG_LOAD, LINK_CREATE = 0, 5, 28
RINGBUF = 27
SCHED_CLS, TRACING = 3, 26
TRACE_RAW_TP, TCX_INGRESS = 23, 46
CARRY_ON = bytes.fromhex("b7000000000000009500000000000000")  # return 0
ATTRIBUTE_BYTES = 144
LOOPBACK_IFINDEX = 1

_libc = ctypes.CDLL(None, use_errno=True)


def try_ring_buffer() -> None:
    """Make a ring buffer; raises OSError if the kernel has none or refuses."""
    size = os.sysconf("SC_PAGE_SIZE")
    os.close(_bpf(MAP_CREATE, struct.pack("<IIII", RINGBUF, 0, 0, size)))


def try_tc_program() -> None:
    """Load a tc program; raises OSError if the kernel refuses."""
    with _program(SCHED_CLS):
        pass


def try_tracing(tracepoint_type: int) -> None:
    """Load a program for a tracepoint, by its BTF type; raises OSError if the kernel refuses."""
    with _program(TRACING, expected_attach_type=TRACE_RAW_TP, attach_btf_id=tracepoint_type):
        pass


def try_tcx() -> None:
    """Attach to the loopback of a namespace of our own; raises OSError without tcx."""

    def attach() -> None:
        with _program(SCHED_CLS) as program:
            attributes = struct.pack("<IIII", program, LOOPBACK_IFINDEX, TCX_INGRESS, 0)
            os.close(_bpf(LINK_CREATE, attributes))

    in_new_namespace(attach)


def try_clsact() -> None:
    """Add the qdisc for tc programs there; raises OSError or NetlinkError without it."""

    def add() -> None:
        with IPRoute() as ipr:
            ipr.tc("add", "clsact", index=LOOPBACK_IFINDEX)

    in_new_namespace(add)


def in_new_namespace(function: Callable[[], T]) -> T:
    """Call the function in a network namespace that lives no longer than the call."""
    results: list[T] = []
    failures: list[BaseException] = []

    def visit() -> None:
        try:
            _leave_namespace()
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = Thread(target=visit, name="dyetrace-probe")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def _leave_namespace() -> None:
    """Move the calling thread into a new network namespace."""
    if _libc.unshare(CLONE_NEWNET):
        raise _error("making a network namespace")


@contextmanager
def _program(kind: int, *, expected_attach_type: int = 0, attach_btf_id: int = 0) -> Iterator[int]:
    """Load the smallest program there is."""
    instructions = ctypes.create_string_buffer(CARRY_ON, len(CARRY_ON))
    licence = ctypes.create_string_buffer(b"GPL")
    attributes = bytearray(ATTRIBUTE_BYTES)
    # union bpf_attr of BPF_PROG_LOAD (include/uapi/linux/bpf.h), the fields that are not 0.
    struct.pack_into(
        "<IIQQ",
        attributes,
        0,
        kind,
        len(CARRY_ON) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
    )
    struct.pack_into("<I", attributes, 68, expected_attach_type)
    struct.pack_into("<I", attributes, 108, attach_btf_id)
    program = _bpf(PROG_LOAD, bytes(attributes))
    try:
        yield program
    finally:
        os.close(program)


def _bpf(command: int, attributes: bytes) -> int:
    number = BPF_SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"bpf() is not known on {platform.machine()}")
    padded = attributes.ljust(ATTRIBUTE_BYTES, b"\0")
    buffer = ctypes.create_string_buffer(padded, len(padded))
    _libc.syscall.restype = ctypes.c_long
    result: int = _libc.syscall(number, command, buffer, len(padded))
    if result < 0:
        raise _error("bpf()")
    return result


def _error(doing: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, f"{doing}: {os.strerror(number)}")
