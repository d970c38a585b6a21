"""Attach programs where the kernel has no tcx: as filters of a clsact qdisc.

Such a filter outlives its owner. So it is recognizable (by handle and by its
program's name), removed at close, and removed as a leftover at the next
start; and programs check their policies' expiry themselves.
"""

import ctypes
import errno
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from pyroute2 import IPRoute

from dyetrace.datapath.linux.attach import GONE, Attachment, Hook, PortHandle, in_namespace_of
from dyetrace.datapath.linux.errors import DatapathError, PortVanished
from dyetrace.datapath.linux.libbpf import (
    TC_EGRESS,
    TC_INGRESS,
    BpfError,
    TcHook,
    TcOptions,
    call,
    program_info,
)
from dyetrace.datapath.linux.netns import run_in

PROGRAM_PREFIX = b"dye_"
COLOR_HANDLE = 0xD7E0
LOG_HANDLE = 0xD7E1
PRIORITIES = range(1, 9)  # first come, first run; a priority may hold other kinds of filters
TAKEN = {errno.EEXIST, errno.EINVAL}
PARENTS = {Hook.INGRESS: 0xFFFFFFF2, Hook.EGRESS: 0xFFFFFFF3}
TC_POINTS = {Hook.INGRESS: TC_INGRESS, Hook.EGRESS: TC_EGRESS}


class Clsact:
    """Attaches filters, and remembers which qdiscs it had to add for them."""

    def __init__(self) -> None:
        self._added: set[tuple[int, int]] = set()

    def attach(self, port: PortHandle, hook: Hook, program: int, handle: int) -> Attachment:
        """Attach a program as a filter; raises PortVanished."""

        def attach() -> int:
            if _ensure_qdisc(port.ifindex):
                self._added.add(port.key)
            return _add_filter(port.ifindex, hook, program, handle)

        priority = in_namespace_of(port, attach)
        return ClsactFilter(owner=self, port=port, hook=hook, handle=handle, priority=priority)

    def release(self, port: PortHandle) -> None:
        """Remove the port's qdisc if we added it and nobody uses it any more."""
        if port.key in self._added and _remove_unused_qdisc(port.ifindex):
            self._added.discard(port.key)


@dataclass(slots=True, kw_only=True)
class ClsactFilter:
    """A program attached as a filter."""

    owner: Clsact
    port: PortHandle
    hook: Hook
    handle: int
    priority: int

    def close(self) -> None:
        """Remove the filter, and the qdisc if it was ours and is not needed any more."""
        with suppress(PortVanished):
            in_namespace_of(self.port, self._remove)

    def _remove(self) -> int:
        remove_filter(self.port.ifindex, self.hook, self.handle, self.priority)
        self.owner.release(self.port)
        return 0


def remove_leftovers(namespaces: Iterable[str | int]) -> int:
    """Remove what a killed process left in these namespaces; says how many filters."""
    removed = 0
    for namespace in namespaces:
        with suppress(DatapathError):  # gone: so are its filters
            removed += run_in(namespace, _remove_leftovers_here)
    return removed


def _remove_leftovers_here() -> int:
    removed = 0
    with IPRoute() as netlink:
        for ifindex, _ in socket.if_nameindex():
            for hook, parent in PARENTS.items():
                for found in netlink.get_filters(index=ifindex, parent=parent):
                    removed += _remove_if_ours(ifindex, hook, found)
    return removed


def _remove_if_ours(ifindex: int, hook: Hook, found: dict[str, int]) -> int:
    handle, priority = found["handle"], found["info"] >> 16
    if handle not in {COLOR_HANDLE, LOG_HANDLE}:
        return 0
    options = _options(handle=handle, priority=priority)
    hook_at = _hook(ifindex, hook)
    try:
        call("bpf_tc_query", ctypes.byref(hook_at), ctypes.byref(options), doing="looking at tc")
    except BpfError:
        return 0
    if not program_name(options.prog_id).startswith(PROGRAM_PREFIX):
        return 0
    remove_filter(ifindex, hook, handle, priority)
    return 1


def program_name(program_id: int) -> bytes:
    """Name a loaded program; empty if it is gone."""
    try:
        fd = call("bpf_prog_get_fd_by_id", program_id, doing="looking at a program")
    except BpfError:
        return b""
    try:
        return bytes(program_info(fd).name)
    finally:
        os.close(fd)


def remove_filter(ifindex: int, hook: Hook, handle: int, priority: int) -> None:
    """Remove one filter of ours; it may be gone already."""
    options = _options(handle=handle, priority=priority)
    hook_at = _hook(ifindex, hook)
    try:
        call("bpf_tc_detach", ctypes.byref(hook_at), ctypes.byref(options), doing="leaving tc")
    except BpfError as error:
        if error.errno not in GONE | {errno.ENOENT, errno.EINVAL}:
            raise


def _ensure_qdisc(ifindex: int) -> bool:
    """Add the clsact qdisc; says whether it was not there before."""
    hook_at = TcHook(sz=ctypes.sizeof(TcHook), ifindex=ifindex, attach_point=TC_INGRESS | TC_EGRESS)
    try:
        call("bpf_tc_hook_create", ctypes.byref(hook_at), doing="adding a clsact qdisc")
    except BpfError as error:
        if error.errno != errno.EEXIST:
            raise
        return False
    return True


def _add_filter(ifindex: int, hook: Hook, program: int, handle: int) -> int:
    """Add the filter at the first priority that is free for it, and give that."""
    hook_at = _hook(ifindex, hook)
    for priority in PRIORITIES:
        options = _options(handle=handle, priority=priority)
        options.prog_fd = program
        try:
            call("bpf_tc_attach", ctypes.byref(hook_at), ctypes.byref(options), doing="joining tc")
        except BpfError as error:
            if error.errno not in TAKEN or priority == PRIORITIES[-1]:
                raise
        else:
            break
    return priority


def _remove_unused_qdisc(ifindex: int) -> bool:
    with IPRoute() as netlink:
        for parent in PARENTS.values():
            if any(True for _ in netlink.get_filters(index=ifindex, parent=parent)):
                return False
    hook_at = TcHook(sz=ctypes.sizeof(TcHook), ifindex=ifindex, attach_point=TC_INGRESS | TC_EGRESS)
    with suppress(BpfError):
        call("bpf_tc_hook_destroy", ctypes.byref(hook_at), doing="removing our clsact qdisc")
    return True


def _hook(ifindex: int, hook: Hook) -> TcHook:
    return TcHook(sz=ctypes.sizeof(TcHook), ifindex=ifindex, attach_point=TC_POINTS[hook])


def _options(*, handle: int, priority: int) -> TcOptions:
    return TcOptions(sz=ctypes.sizeof(TcOptions), handle=handle, priority=priority)
