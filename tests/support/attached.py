"""How many programs are attached by links, by the kernel's own list."""

import ctypes


def attached_programs() -> int:
    """Count the BPF links of the whole machine: tcx, tracepoints, all."""
    libbpf = ctypes.CDLL("libbpf.so.1", use_errno=True)
    number, count = ctypes.c_uint32(0), 0
    while libbpf.bpf_link_get_next_id(number, ctypes.byref(number)) == 0:
        count += 1
    return count
