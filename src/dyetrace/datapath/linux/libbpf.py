"""A thin, typed binding of what we need of libbpf.so.1 (1.0 or later).

Calls that fail raise DatapathError with what libbpf had to say about it;
libbpf is quiet otherwise.
"""

import ctypes
import errno
import os
import threading
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_int,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from functools import cache
from typing import Any

from dyetrace.datapath.linux.errors import DatapathError, LibbpfMissing, NotPermitted

SONAME = "libbpf.so.1"
LOG_WARN = 0
MAX_LOG_LINES = 60  # of a verifier's, the last ones tell
LOG_BYTES = 16 << 20  # as much as libbpf ever asks of the kernel

BPF_ANY = 0
TCX_INGRESS = 46
TCX_EGRESS = 47
TC_INGRESS = 1
TC_EGRESS = 2


class MapCreateOptions(Structure):
    """struct bpf_map_create_opts."""

    _fields_ = [
        ("sz", c_size_t),
        ("btf_fd", c_uint32),
        ("btf_key_type_id", c_uint32),
        ("btf_value_type_id", c_uint32),
        ("btf_vmlinux_value_type_id", c_uint32),
        ("inner_map_fd", c_uint32),
        ("map_flags", c_uint32),
        ("map_extra", c_uint64),
        ("numa_node", c_uint32),
        ("map_ifindex", c_uint32),
    ]


class TestRunOptions(Structure):
    """struct bpf_test_run_opts."""

    _fields_ = [
        ("sz", c_size_t),
        ("data_in", c_void_p),
        ("data_out", c_void_p),
        ("data_size_in", c_uint32),
        ("data_size_out", c_uint32),
        ("ctx_in", c_void_p),
        ("ctx_out", c_void_p),
        ("ctx_size_in", c_uint32),
        ("ctx_size_out", c_uint32),
        ("retval", c_uint32),
        ("repeat", c_int),
        ("duration", c_uint32),
        ("flags", c_uint32),
        ("cpu", c_uint32),
        ("batch_size", c_uint32),
    ]


class TcHook(Structure):
    """struct bpf_tc_hook."""

    _fields_ = [
        ("sz", c_size_t),
        ("ifindex", c_int),
        ("attach_point", c_uint32),
        ("parent", c_uint32),
        ("padding", c_uint32),
    ]


class TcOptions(Structure):
    """struct bpf_tc_opts."""

    _fields_ = [
        ("sz", c_size_t),
        ("prog_fd", c_int),
        ("flags", c_uint32),
        ("prog_id", c_uint32),
        ("handle", c_uint32),
        ("priority", c_uint32),
        ("padding", c_uint32),
    ]


class ProgInfo(Structure):
    """struct bpf_prog_info, up to the last field we read."""

    _fields_ = [
        ("type", c_uint32),
        ("id", c_uint32),
        ("tag", c_uint8 * 8),
        ("jited_prog_len", c_uint32),
        ("xlated_prog_len", c_uint32),
        ("jited_prog_insns", c_uint64),
        ("xlated_prog_insns", c_uint64),
        ("load_time", c_uint64),
        ("created_by_uid", c_uint32),
        ("nr_map_ids", c_uint32),
        ("map_ids", c_uint64),
        ("name", ctypes.c_char * 16),
        ("unread", c_uint8 * 128),  # ifindex .. run_cnt
        ("recursion_misses", c_uint64),
    ]


PrintFunction = CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "libbpf_set_print": (c_void_p, (PrintFunction,)),
    "libbpf_num_possible_cpus": (c_int, ()),
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__btf": (c_void_p, (c_void_p,)),
    "bpf_object__next_map": (c_void_p, (c_void_p, c_void_p)),
    "bpf_object__find_map_by_name": (c_void_p, (c_void_p, c_char_p)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_map__name": (c_char_p, (c_void_p,)),
    "bpf_map__type": (c_uint32, (c_void_p,)),
    "bpf_map__key_size": (c_uint32, (c_void_p,)),
    "bpf_map__value_size": (c_uint32, (c_void_p,)),
    "bpf_map__max_entries": (c_uint32, (c_void_p,)),
    "bpf_map__map_flags": (c_uint32, (c_void_p,)),
    "bpf_map__reuse_fd": (c_int, (c_void_p, c_int)),
    "bpf_map__initial_value": (c_void_p, (c_void_p, POINTER(c_size_t))),
    "bpf_map_create": (
        c_int,
        (c_uint32, c_char_p, c_uint32, c_uint32, c_uint32, POINTER(MapCreateOptions)),
    ),
    "bpf_map_update_elem": (c_int, (c_int, c_void_p, c_void_p, c_uint64)),
    "bpf_map_lookup_elem": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_map_delete_elem": (c_int, (c_int, c_void_p)),
    "bpf_link_create": (c_int, (c_int, c_int, c_uint32, c_void_p)),
    "bpf_raw_tracepoint_open": (c_int, (c_char_p, c_int)),
    "bpf_obj_get_info_by_fd": (c_int, (c_int, c_void_p, POINTER(c_uint32))),
    "bpf_prog_get_fd_by_id": (c_int, (c_uint32,)),
    "bpf_prog_query": (
        c_int,
        (c_int, c_uint32, c_uint32, POINTER(c_uint32), POINTER(c_uint32), POINTER(c_uint32)),
    ),
    "bpf_prog_test_run_opts": (c_int, (c_int, POINTER(TestRunOptions))),
    "bpf_tc_hook_create": (c_int, (POINTER(TcHook),)),
    "bpf_tc_hook_destroy": (c_int, (POINTER(TcHook),)),
    "bpf_tc_attach": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "bpf_tc_detach": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "bpf_tc_query": (c_int, (POINTER(TcHook), POINTER(TcOptions))),
    "btf__load_vmlinux_btf": (c_void_p, ()),
    "btf__load_module_btf": (c_void_p, (c_char_p, c_void_p)),
    "btf__parse": (c_void_p, (c_char_p, c_void_p)),
    "btf__free": (None, (c_void_p,)),
    "btf__type_cnt": (c_uint32, (c_void_p,)),
    "btf__type_by_id": (c_void_p, (c_void_p, c_uint32)),
    "btf__name_by_offset": (c_char_p, (c_void_p, c_uint32)),
    "btf__find_by_name_kind": (c_int, (c_void_p, c_char_p, c_uint32)),
    "btf__resolve_size": (c_int64, (c_void_p, c_uint32)),
}


class _Said(threading.local):
    """What libbpf has said in this thread since the last call began."""

    def __init__(self) -> None:
        self.lines: list[str] = []


_said = _Said()
_libc = ctypes.CDLL(None)


def _listen(level: int, form: bytes, arguments: int) -> int:
    """Keep libbpf's warnings; its va_list goes through libc's formatter."""
    if level == LOG_WARN:
        buffer = ctypes.create_string_buffer(LOG_BYTES)
        _libc.vsnprintf(buffer, c_size_t(len(buffer)), c_char_p(form), c_void_p(arguments))
        _said.lines.extend(buffer.value.decode(errors="replace").splitlines())
    return 0


_listener = PrintFunction(_listen)  # libbpf keeps a pointer: it must stay alive


@cache
def library() -> ctypes.CDLL:
    """Load libbpf once."""
    try:
        loaded = ctypes.CDLL(SONAME, use_errno=True)
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as error:
        raise LibbpfMissing(str(error)) from error
    loaded.libbpf_set_print(_listener)
    return loaded


def call(name: str, *arguments: Any, doing: str) -> Any:  # noqa: ANN401 - _SIGNATURES has the types
    """Call a function of libbpf; raise what went wrong while `doing`."""
    _said.lines.clear()
    result = getattr(library(), name)(*arguments)
    if _SIGNATURES[name][0] is c_void_p:
        if not result:
            raise_error(ctypes.get_errno(), doing)
    elif result < 0:
        raise_error(-result, doing)
    return result


def raise_error(number: int, doing: str) -> None:
    """Translate an errno and what libbpf said into an error of ours."""
    if number in {errno.EPERM, errno.EACCES} and not _said.lines:
        raise NotPermitted(doing)
    said = "\n".join(_said.lines[-MAX_LOG_LINES:])
    if number == errno.EPERM and os.geteuid() != 0:
        raise NotPermitted(doing)
    problem = BpfError(f"{doing}: {os.strerror(number)}" + (f"\n{said}" if said else ""))
    problem.errno = number
    raise problem


class BpfError(DatapathError):
    """A call of libbpf failed."""

    errno: int = 0


def program_info(fd: int) -> ProgInfo:
    """Ask the kernel about a loaded program."""
    info = ProgInfo()
    size = c_uint32(ctypes.sizeof(info))
    call(
        "bpf_obj_get_info_by_fd",
        fd,
        ctypes.byref(info),
        ctypes.byref(size),
        doing="looking at a program",
    )
    return info


def run_program(program: int, packet: bytes, *, repeat: int = 1) -> tuple[int, bytes, int]:
    """Run a tc program on a packet: its return value, the packet afterwards, ns per run.

    The packet begins with an Ethernet header; its device is this namespace's
    loopback.
    """
    after = ctypes.create_string_buffer(len(packet) + 256)
    options = TestRunOptions(
        sz=ctypes.sizeof(TestRunOptions),
        data_in=ctypes.cast(ctypes.c_char_p(packet), c_void_p),
        data_out=ctypes.cast(after, c_void_p),
        data_size_in=len(packet),
        data_size_out=len(after),
        repeat=repeat,
    )
    call("bpf_prog_test_run_opts", program, ctypes.byref(options), doing="running a program")
    returned = c_int(options.retval).value
    return returned, after.raw[: options.data_size_out], int(options.duration)
