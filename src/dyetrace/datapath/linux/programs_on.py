"""Whose eBPF programs and filters stand at a device, besides ours: they may drop what passes."""

import ctypes
import os
from collections.abc import Iterator

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from dyetrace.datapath.linux.clsact import PARENTS, PROGRAM_PREFIX, TC_POINTS
from dyetrace.datapath.linux.errors import DatapathError
from dyetrace.datapath.linux.libbpf import (
    TCX_EGRESS,
    TCX_INGRESS,
    TcHook,
    TcOptions,
    call,
    program_info,
)
from dyetrace.datapath.linux.rtnetlink import Message
from dyetrace.model.site import Program

XDP_MODES = ("IFLA_XDP_DRV_PROG_ID", "IFLA_XDP_SKB_PROG_ID", "IFLA_XDP_HW_PROG_ID")
XDP_GENERIC = "IFLA_XDP_SKB_PROG_ID"
TCX_POINTS = {TCX_INGRESS: "tc ingress", TCX_EGRESS: "tc egress"}
MOST_PROGRAMS = 16


def programs_on(ipr: IPRoute, link: Message) -> tuple[Program, ...]:
    """List the programs and filters at a link of this thread's namespace, ours left out."""
    device, ifindex = str(link.get_attr("IFLA_IFNAME")), int(link["index"])
    found = [*_xdp(link, device), *_filters(ipr, ifindex, device), *_tcx(ifindex, device)]
    return tuple(found[:MOST_PROGRAMS])


def _xdp(link: Message, device: str) -> Iterator[Program]:
    attached = link.get_attr("IFLA_XDP")
    for mode in XDP_MODES:
        number = attached.get_attr(mode) if attached else None
        if number:
            hook = "xdp generic" if mode == XDP_GENERIC else "xdp"
            yield from _described(number, hook, device)


def _filters(ipr: IPRoute, ifindex: int, device: str) -> Iterator[Program]:
    """Yield what hangs on the hooks of a clsact, or ingress, queue."""
    for point, parent in PARENTS.items():
        hook = f"tc {point.name.lower()}"
        try:
            filters = tuple(ipr.get_filters(index=ifindex, parent=parent))
        except NetlinkError:  # a device without queue
            continue
        for each in filters:
            kind, handle, priority = each.get_attr("TCA_KIND"), each["handle"], each["info"] >> 16
            if not handle:
                continue  # the head of a list, not a filter
            number = _program_of(ifindex, TC_POINTS[point], handle, priority)
            if number:
                yield from _described(number, hook, device)
            else:
                name = f"{kind} pref {priority} handle {handle:#x}"
                yield Program(device=device, hook=hook, name=name)


def _program_of(ifindex: int, point: int, handle: int, priority: int) -> int:
    """Give the program of a filter; 0 if it has none."""
    hook = TcHook(sz=ctypes.sizeof(TcHook), ifindex=ifindex, attach_point=point)
    options = TcOptions(sz=ctypes.sizeof(TcOptions), handle=handle, priority=priority)
    try:
        call("bpf_tc_query", ctypes.byref(hook), ctypes.byref(options), doing="looking at tc")
    except DatapathError:
        return 0
    return int(options.prog_id)


def _tcx(ifindex: int, device: str) -> Iterator[Program]:
    for point, hook in TCX_POINTS.items():
        numbers = (ctypes.c_uint32 * MOST_PROGRAMS)()
        count = ctypes.c_uint32(MOST_PROGRAMS)
        try:
            call(
                "bpf_prog_query",
                ifindex,
                point,
                0,
                None,
                numbers,
                ctypes.byref(count),
                doing="looking at tcx",
            )
        except DatapathError:  # none there, or a kernel without tcx
            continue
        for number in numbers[: count.value]:
            yield from _described(number, hook, device)


def _described(number: int, hook: str, device: str) -> Iterator[Program]:
    """Yield a program with its name and tag; nothing if it is ours, or gone."""
    try:
        fd = call("bpf_prog_get_fd_by_id", number, doing="looking at a program")
    except DatapathError:
        return
    try:
        info = program_info(fd)
    finally:
        os.close(fd)
    if not bytes(info.name).startswith(PROGRAM_PREFIX):
        yield Program(
            device=device,
            hook=hook,
            name=info.name.decode(errors="replace"),
            id=number,
            tag=bytes(info.tag).hex(),
        )
