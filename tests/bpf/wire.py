"""A VFD between two VMs: three namespaces of our own, joined by veth pairs."""

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from dyetrace.datapath.linux.attach import PortHandle
from dyetrace.datapath.linux.netns import netns_number, run_in

RECEIVER = "10.99.2.2"
RECEIVER6 = "fd99:2::2"
DEADLINE_SECONDS = 10.0

SETUP = """
netns add {vm1}
netns add {vfd}
netns add {vm2}
link add name vm1 netns {vfd} type veth peer name eth0 netns {vm1}
link add name vm2 netns {vfd} type veth peer name eth0 netns {vm2}
-n {vfd} addr add 10.99.1.1/24 dev vm1
-n {vfd} addr add 10.99.2.1/24 dev vm2
-n {vfd} addr add fd99:1::1/64 dev vm1 nodad
-n {vfd} addr add fd99:2::1/64 dev vm2 nodad
-n {vm1} addr add 10.99.1.2/24 dev eth0
-n {vm2} addr add 10.99.2.2/24 dev eth0
-n {vm1} addr add fd99:1::2/64 dev eth0 nodad
-n {vm2} addr add fd99:2::2/64 dev eth0 nodad
-n {vfd} link set vm1 up
-n {vfd} link set vm2 up
-n {vm1} link set eth0 up
-n {vm2} link set eth0 up
-n {vm1} route add default via 10.99.1.1
-n {vm2} route add default via 10.99.2.1
-n {vm1} -6 route add default via fd99:1::1
-n {vm2} -6 route add default via fd99:2::1
netns exec {vfd} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
"""


class Wire:
    """vm1 - vfd - vm2; the ports of the VFD are called vm1 and vm2."""

    def __init__(self) -> None:
        self.names = {name: f"dye-{os.getpid()}-{name}" for name in ("vm1", "vfd", "vm2")}
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        try:
            for line in SETUP.strip().splitlines():
                ip(line.format(**self.names))
        except BaseException:
            self.remove()
            raise
        self.netns = netns_number(self.path("vfd"))
        self.vm1, self.vm2 = self.port("vm1"), self.port("vm2")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.remove()

    def remove(self) -> None:
        for each in self._sockets:
            each.close()
        for name in self.names.values():
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def path(self, name: str) -> str:
        return f"/run/netns/{self.names[name]}"

    def port(self, device: str) -> PortHandle:
        path = self.path("vfd")
        index = run_in(path, lambda: socket.if_nametoindex(device))
        return PortHandle(netns=netns_number(path), namespace=path, ifindex=index)

    def run(self, name: str, command: str) -> str:
        """Run a command in a namespace."""
        return output("ip", "netns", "exec", self.names[name], *shlex.split(command))

    def udp(self, name: str, family: int = socket.AF_INET) -> socket.socket:
        """Open a UDP socket in a namespace that tells the TOS of what it receives."""
        opened = run_in(self.path(name), lambda: socket.socket(family, socket.SOCK_DGRAM))
        if family == socket.AF_INET:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        else:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        opened.settimeout(DEADLINE_SECONDS)
        self._sockets.append(opened)
        return opened

    def tcp(self, name: str) -> socket.socket:
        opened = run_in(self.path(name), lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        opened.settimeout(DEADLINE_SECONDS)
        self._sockets.append(opened)
        return opened


def received(listener: socket.socket) -> tuple[bytes, int]:
    """Receive one datagram, and its TOS or traffic class."""
    data, ancillary, _, _ = listener.recvmsg(4096, 256)
    return data, ancillary[0][2][0]


def ip(line: str) -> None:
    output("ip", *line.split())


def output(*command: str) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def eventually(condition: Callable[[], object], dump: Callable[[], object] = str) -> None:
    """Wait until a condition holds; when its time is over, show what there is."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {dump()}"
        time.sleep(0.005)
