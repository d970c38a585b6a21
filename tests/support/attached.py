"""How many programs are attached by links, by the kernel's own list."""

import ctypes
import socket

from dyetrace.lab.namespaces import inside

TCX = (46, 47)  # BPF_TCX_INGRESS, BPF_TCX_EGRESS


def attached_programs() -> int:
    """Count the BPF links of the whole machine: tcx, tracepoints, all."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    number, count = ctypes.c_uint32(0), 0
    while libbpf.bpf_link_get_next_id(number, ctypes.byref(number)) == 0:
        count += 1
    return count


def tcx_programs(netns: str) -> int:
    """Count the programs on the devices of one namespace."""
    return inside(netns, lambda: sum(map(_on_device, socket.if_nameindex())))


def _on_device(device: tuple[int, str]) -> int:
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    found = 0
    for hook in TCX:
        numbers, count = (ctypes.c_uint32 * 64)(), ctypes.c_uint32(64)
        if libbpf.bpf_prog_query(device[0], hook, 0, None, numbers, ctypes.byref(count)) == 0:
            found += count.value
    return found
