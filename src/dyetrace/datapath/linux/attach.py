"""Attach programs to ports: tcx links, which vanish with us.

Kernels before 6.6 have no tcx: see clsact.py.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import Protocol

from dyetrace.datapath.linux.errors import NamespaceVanished, PortVanished
from dyetrace.datapath.linux.libbpf import TCX_EGRESS, TCX_INGRESS, BpfError, call
from dyetrace.datapath.linux.netns import run_in

GONE = {errno.ENODEV, errno.ENXIO}
NO_TCX = {errno.EINVAL, errno.EOPNOTSUPP}


@dataclass(frozen=True, slots=True, kw_only=True)
class PortHandle:
    """A port, and how to get at it."""

    netns: int  # inode number of its namespace
    namespace: str | int  # a path or an open descriptor that leads into it
    ifindex: int
    has_link_layer: bool = True
    is_reversed: bool = False  # macvtap: what the VM sends leaves the kernel device

    @property
    def key(self) -> tuple[int, int]:
        """What sightings name the port by."""
        return (self.netns, self.ifindex)


class Hook(Enum):
    """Which of a device's two hooks: as the kernel sees the device, not the VFD."""

    INGRESS = TCX_INGRESS
    EGRESS = TCX_EGRESS

    @property
    def opposite(self) -> "Hook":
        """The other one."""
        return Hook.EGRESS if self is Hook.INGRESS else Hook.INGRESS


class Attachment(Protocol):
    """A program at work on a port, until it is closed."""

    def close(self) -> None:
        """Take the program off the port."""


class NoTcx(Exception):
    """This kernel has no tcx links."""


class TcxLink:
    """A program attached by a link that lives as long as its descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def close(self) -> None:
        """Detach, if the device has not been removed before."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def attach_tcx(port: PortHandle, hook: Hook, program: int) -> Attachment:
    """Attach a program by a tcx link; raises NoTcx where there is none, or PortVanished."""
    create = partial(
        call, "bpf_link_create", program, port.ifindex, hook.value, None, doing="attaching to tcx"
    )
    try:
        return TcxLink(in_namespace_of(port, create))
    except BpfError as error:
        if error.errno in NO_TCX:
            raise NoTcx from error
        raise


def in_namespace_of(port: PortHandle, function: Callable[[], int]) -> int:
    """Call a function in the port's namespace; if that or the port is gone, PortVanished."""
    try:
        return run_in(port.namespace, function)
    except NamespaceVanished as error:
        raise PortVanished(netns=port.netns, ifindex=port.ifindex) from error
    except BpfError as error:
        if error.errno in GONE:
            raise PortVanished(netns=port.netns, ifindex=port.ifindex) from error
        raise
