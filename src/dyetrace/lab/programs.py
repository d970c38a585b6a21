"""eBPF programs that drop packets, and how they are attached: no compiler, no file system.

The tools that configure the kernel want programs as files or pinned. These are a few
instructions long, so they are written here, and attached by netlink.
"""

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final

from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.namespaces import inside

BPF_SYSCALL: Final = {"x86_64": 321, "aarch64": 280}
PROG_LOAD: Final = 5
PASSES_AT_ONCE: Final = 128  # bytes of union bpf_attr that the call is given

XDP: Final = 6
TC: Final = 3
ROUTE_OUT: Final = 11

XDP_DROP, XDP_PASS = 1, 2
TC_SHOT, TC_UNSPEC = 2, -1
ROUTE_DROP: Final = 2

Instruction = tuple[int, int, int, int, int]  # operation, destination, source, offset, constant
Request = Callable[[], bytes]

RTM_SETLINK, RTM_NEWROUTE, RTM_NEWTFILTER = 19, 24, 44
REQUEST_AND_ANSWER: Final = 0x5
CREATE: Final = 0x400
NESTED: Final = 0x8000


def drop_all(action: int) -> tuple[Instruction, ...]:
    """Write a program that returns an action for every packet."""
    return ((0xB7, 0, 0, 0, action), (0x95, 0, 0, 0, 0))


def drop_but_arp() -> tuple[Instruction, ...]:
    """Write an XDP program that drops all but ARP, so that neighbours stay known."""
    return (
        (0x61, 2, 1, 0, 0),  # r2 = data
        (0x61, 3, 1, 4, 0),  # r3 = data_end
        (0xBF, 4, 2, 0, 0),
        (0x07, 4, 0, 0, 14),
        (0x2D, 4, 3, 4, 0),  # shorter than a header: let it go
        (0x69, 5, 2, 12, 0),
        (0x15, 5, 0, 2, socket.htons(0x0806)),
        (0xB7, 0, 0, 0, XDP_DROP),
        (0x95, 0, 0, 0, 0),
        (0xB7, 0, 0, 0, XDP_PASS),
        (0x95, 0, 0, 0, 0),
    )


def load(kind: int, name: str, instructions: Sequence[Instruction]) -> int:
    """Load a program and give its descriptor. Raises CommandFailed."""
    code = ctypes.create_string_buffer(
        b"".join(
            struct.pack("<BBhi", operation, source << 4 | destination, offset, constant)
            for operation, destination, source, offset, constant in instructions
        )
    )
    license_ = ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack(
        "<IIQQIIQII16s",
        kind,
        len(instructions),
        ctypes.addressof(code),
        ctypes.addressof(license_),
        *(0, 0, 0),  # no log of the verifier
        *(0, 0),
        name.encode(),
    ).ljust(PASSES_AT_ONCE, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    number = BPF_SYSCALL[os.uname().machine]
    found: int = libc.syscall(number, PROG_LOAD, attributes, len(attributes))
    if found < 0:
        raise CommandFailed(argv=("bpf", name), output=os.strerror(ctypes.get_errno()))
    return found


def attach_xdp(netns: str, device: str, program: int, *, flags: int) -> None:
    """Put a program in front of a device; flags as XDP_FLAGS_*."""

    def request() -> bytes:
        body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(device), 0, 0)
        return body + _nested(43, _number(1, program), _number(3, flags))  # IFLA_XDP

    _ask(netns, RTM_SETLINK, 0, request)


def attach_tc(netns: str, device: str, program: int, *, name: str, parent: int) -> None:
    """Add a program as a classifier that decides by itself (direct-action)."""

    def request() -> bytes:
        info = 71 << 16 | socket.htons(0x0003)  # priority; all protocols
        body = struct.pack("=BxxxiIII", 0, socket.if_nametoindex(device), 0, parent, info)
        options = (_number(6, program), _attribute(7, name.encode() + b"\0"), _number(8, 1))
        return body + _attribute(1, b"bpf\0") + _nested(2, *options)

    _ask(netns, RTM_NEWTFILTER, CREATE, request)


def add_route(netns: str, prefix: str, device: str, program: int, *, name: str) -> None:
    """Add a route whose packets a program is asked about before they leave."""

    def request() -> bytes:
        address, _, length = prefix.partition("/")
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        body = struct.pack("=8BI", family, int(length), 0, 0, 254, 4, 253, 1, 0)
        run = _nested(2, _number(1, program), _attribute(2, name.encode() + b"\0"))  # LWT_BPF_OUT
        return (
            body
            + _attribute(1, socket.inet_pton(family, address))
            + _number(4, socket.if_nametoindex(device))
            + _attribute(21, struct.pack("=H", 6))  # RTA_ENCAP_TYPE: LWTUNNEL_ENCAP_BPF
            + _attribute(NESTED | 22, run)  # RTA_ENCAP
        )

    _ask(netns, RTM_NEWROUTE, CREATE, request)


def _ask(netns: str, kind: int, flags: int, request: Request) -> None:
    """Have the kernel do something in a namespace. Raises CommandFailed."""

    def talk() -> int:
        body = request()
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            head = struct.pack("=IHHII", 16 + len(body), kind, REQUEST_AND_ANSWER | flags, 1, 0)
            kernel.send(head + body)
            (error,) = struct.unpack_from("=i", kernel.recv(4096), 16)
        return -int(error)

    if error := inside(netns, talk):
        raise CommandFailed(argv=("netlink", netns, str(kind)), output=os.strerror(error))


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _number(kind: int, value: int) -> bytes:
    return _attribute(kind, struct.pack("=I", value))


def _nested(kind: int, *attributes: bytes) -> bytes:
    return _attribute(NESTED | kind, b"".join(attributes))
