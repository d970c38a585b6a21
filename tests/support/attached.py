"""How many programs are attached, by the kernel's own lists."""

import ctypes
import socket

from dyetrace.lab.cloud import Cloud
from dyetrace.lab.namespaces import existing, inside
from support.own_host import links_of

TCX = (46, 47)  # BPF_TCX_INGRESS, BPF_TCX_EGRESS


def attached_programs(cloud: Cloud) -> int:
    """Count the programs on a cloud's devices, and the links that its agents hold."""
    on_devices = sum(map(tcx_programs, existing(cloud.name)))
    return on_devices + sum(links_of(agent.pid) for agent in cloud.agents)


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
