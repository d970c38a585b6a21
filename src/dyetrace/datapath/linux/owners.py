"""Whose a namespace or a tap is: names of processes, containers and VMs, from /proc."""

import ctypes
import os
import re
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from dyetrace.datapath.linux.errors import NamespaceVanished
from dyetrace.datapath.linux.facts import NamespaceFacts
from dyetrace.datapath.linux.netns import netns_number

PROC = Path("/proc")
CLONE_NEWUTS = 0x04000000
HELD_KINDS = frozenset({"tun", "macvtap"})
MACVTAP_NODE = re.compile(r".*/tap(\d+)")
TUN_NODE = "/net/tun"
# Virtual machine monitors by the option that names the VM.
VM_NAME_OPTIONS = {"qemu": "-name", "kvm": "-name", "firecracker": "--id", "lkvm": "--name"}

_libc = ctypes.CDLL(None, use_errno=True)

Holder = tuple[int, int]
"""(pid, inode number of its network namespace)"""


def processes() -> list[int]:
    """List all processes, the first started first unless pids have wrapped around."""
    return sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())


def name_of_process(pid: int) -> str:
    """Name a process as its owner would: VM, container's host name, or command and pid."""
    return _name_of_vm(pid) or _name_of_container(pid) or f"{_text(pid, 'comm') or 'process'}-{pid}"


def with_holders(namespaces: Iterable[NamespaceFacts]) -> list[NamespaceFacts]:
    """Add to taps and macvtaps the name of the VM whose process has them open."""
    found = list(namespaces)
    held = [
        (each.inode, link.name) for each in found for link in each.links if link.kind in HELD_KINDS
    ]
    if not held:
        return found
    taps, macvtaps = _holders()
    names = [name for _, name in held]

    def name_of_holder(inode: int, name: str, ifindex: int, kind: str) -> str:
        holders = macvtaps.get(ifindex, []) if kind == "macvtap" else taps.get(name, [])
        near = [pid for pid, netns in holders if netns == inode]
        # The kernel names the device, not its namespace: with two of a name, only
        # a process of the same namespace is sure to be the holder.
        if not near and names.count(name) == 1:
            near = [pid for pid, _ in holders]
        return name_of_process(near[0]) if near else ""

    return [
        replace(
            each,
            links=tuple(
                replace(link, holder=name_of_holder(each.inode, link.name, link.ifindex, link.kind))
                if link.kind in HELD_KINDS
                else link
                for link in each.links
            ),
        )
        for each in found
    ]


def _holders() -> tuple[Mapping[str, list[Holder]], Mapping[int, list[Holder]]]:
    """Find who has taps open, by device name, and macvtaps, by ifindex."""
    taps: dict[str, list[Holder]] = defaultdict(list)
    macvtaps: dict[int, list[Holder]] = defaultdict(list)
    for pid in processes():
        for fd, target in _open_files(pid):
            # In a jail the path has a prefix: compare its end only.
            node = MACVTAP_NODE.fullmatch(target)
            if not node and not target.endswith(TUN_NODE):
                continue
            with suppress(OSError, NamespaceVanished):  # it ended, or closed it
                netns = netns_number(f"/proc/{pid}/ns/net")
                if node:
                    macvtaps[int(node[1])].append((pid, netns))
                else:
                    taps[_tap_of(pid, fd)].append((pid, netns))
    return taps, macvtaps


def _open_files(pid: int) -> Iterator[tuple[str, str]]:
    """Yield descriptors and what they lead to."""
    try:
        descriptors = list((PROC / str(pid) / "fd").iterdir())
    except OSError:
        return  # it ended, or is not ours to look at
    for descriptor in descriptors:
        with suppress(OSError):
            yield descriptor.name, str(descriptor.readlink())


def _tap_of(pid: int, fd: str) -> str:
    for line in (PROC / str(pid) / "fdinfo" / fd).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "iff":
            return value.strip()
    return ""


def _name_of_vm(pid: int) -> str:
    try:
        words = (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    program = Path(words[0]).name
    for monitor, option in VM_NAME_OPTIONS.items():
        if program.startswith(monitor) and option in words[:-1]:
            value = words[words.index(option) + 1]
            return value.split(",")[0].removeprefix("guest=")
    return ""


def _name_of_container(pid: int) -> str:
    """Read the host name inside: a pod's name, or a container's short id."""
    try:
        fd = os.open(f"{PROC}/{pid}/ns/uts", os.O_RDONLY)
    except OSError:
        return ""
    try:
        if os.fstat(fd).st_ino == (PROC / "self/ns/uts").stat().st_ino:
            return ""
        names: list[str] = []

        def read_name() -> None:
            if _libc.setns(fd, CLONE_NEWUTS) == 0:
                names.append(os.uname().nodename)

        thread = threading.Thread(target=read_name, name="read host name", daemon=True)
        thread.start()
        thread.join()
        return names[0] if names and names[0] != os.uname().nodename else ""
    finally:
        os.close(fd)


def _text(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text().strip()
    except OSError:
        return ""
