"""Wait until links that were set up really carry packets."""

import array
import fcntl
import select
import socket
import struct
import time

from dyetrace.lab.errors import LabError
from dyetrace.lab.namespaces import inside

READY_WITHIN_S = 5.0
LOOK_EVERY_MS = 5

SIOCGIFFLAGS = 0x8913
SIOCETHTOOL = 0x8946
ETHTOOL_GLINK = 0x0A
IFF_UP = 0x1
IFF_RUNNING = 0x40


class LinksNotReady(LabError):
    """Some links did not come up."""

    def __init__(self, *, netns: str, devices: list[str]) -> None:
        super().__init__(f"links of {netns} did not come up: {', '.join(devices)}")
        self.netns = netns
        self.devices = devices


def wait_for_links(namespaces: list[str]) -> None:
    """Wait until every device that is set up runs. Raises LinksNotReady.

    A veth whose peer is set up after it gets its carrier through the kernel's link
    watch, which may take a second; until then it silently drops what is sent.
    """
    deadline = time.monotonic() + READY_WITHIN_S
    for netns in namespaces:
        while idle := inside(netns, devices_not_running):
            if time.monotonic() > deadline:
                raise LinksNotReady(netns=netns, devices=idle)
            select.select([], [], [], LOOK_EVERY_MS / 1000)


def devices_not_running() -> list[str]:
    """List the devices of this thread's namespace that are set up and do not run yet."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as query:
        idle = []
        for _, name in socket.if_nameindex():
            synchronize_carrier(query, name)
            flags = flags_of(query, name)
            if flags & IFF_UP and not flags & IFF_RUNNING:
                idle.append(name)
        return idle


def synchronize_carrier(query: socket.socket, name: str) -> None:
    """Ask for the carrier: since Linux 6.8 that makes the link watch settle it at once."""
    value = array.array("B", struct.pack("=II", ETHTOOL_GLINK, 0))
    address, _ = value.buffer_info()
    request = struct.pack("16sP16x", name.encode(), address)
    try:
        fcntl.ioctl(query, SIOCETHTOOL, request)
    except OSError:
        return  # the loopback of older kernels cannot say


def flags_of(query: socket.socket, name: str) -> int:
    """Read the flags of a device."""
    answer = fcntl.ioctl(query, SIOCGIFFLAGS, struct.pack("16sH14x", name.encode(), 0))
    flags: int = struct.unpack_from("16sH", answer)[1]
    return flags
