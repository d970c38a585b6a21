"""A program that does nothing: what every other one is compared with."""

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dyetrace.datapath.linux.attach import Hook, PortHandle, attach_tcx
from dyetrace.datapath.linux.libbpf import library, raise_error
from dyetrace.model.topology import PortKind, Topology

SCHED_CLS = 3
CARRY_ON = -1
MOV_R0 = 0xB7  # BPF_ALU64 | BPF_MOV | BPF_K
EXIT = 0x95
INSTRUCTIONS = struct.pack("<BBhiBBhi", MOV_R0, 0, 0, CARRY_ON, EXIT, 0, 0, 0)


@contextmanager
def empty_program() -> Iterator[int]:
    """Load a tc program of two instructions; gives its descriptor."""
    load = library().bpf_prog_load
    load.restype = ctypes.c_int
    load.argtypes = (
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
    )
    fd = load(SCHED_CLS, b"empty", b"GPL", INSTRUCTIONS, len(INSTRUCTIONS) // 8, None)
    if fd < 0:
        raise_error(-fd, "loading an empty program")
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def attached_everywhere(program: int, topology: Topology, source_vm: str) -> Iterator[None]:
    """Attach a program where a trace of this VM's packets would: both sides of every edge port.

    Of vNICs only the egress, and the ingress of the source's.
    """
    with ExitStack() as attached:
        for vfd in topology.vfd_by_key.values():
            for port in vfd.ports:
                place = PortHandle(
                    netns=port.netns,
                    namespace=f"/run/netns/{vfd.netns_name}",
                    ifindex=port.ifindex,
                )
                is_source = port.nic is not None and port.nic.vm == source_vm
                hooks = [Hook.EGRESS]
                if port.kind is not PortKind.VNIC or is_source:
                    hooks.append(Hook.INGRESS)
                for hook in hooks:
                    attached.callback(attach_tcx(place, hook, program).close)
        yield
