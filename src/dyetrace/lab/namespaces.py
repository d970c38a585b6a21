"""Names of a cloud's namespaces, and doing things inside them."""

import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

NAMESPACES = Path("/run/netns")
PREFIX = "dt"
CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def prefix_of(cloud: str) -> str:
    """Give what the names of all namespaces of a cloud begin with."""
    return f"{PREFIX}.{cloud}."


def namespace(cloud: str, host: str, role: str) -> str:
    """Name the namespace that plays a role on a host; the role becomes the VFD's name."""
    return f"{prefix_of(cloud)}{host}.{role}"


def fabric_namespace(cloud: str) -> str:
    """Name the underlay's router, which is nobody's VFD."""
    return f"{prefix_of(cloud)}fabric"


def internet_namespace(cloud: str) -> str:
    """Name the rest of the world."""
    return f"{prefix_of(cloud)}internet"


def existing(cloud: str) -> list[str]:
    """List the namespaces of a cloud that exist."""
    if not NAMESPACES.is_dir():
        return []
    prefix = prefix_of(cloud)
    return sorted(path.name for path in NAMESPACES.iterdir() if path.name.startswith(prefix))


def clouds_with_namespaces() -> list[str]:
    """List the clouds that have namespaces, also those whose builder was killed."""
    if not NAMESPACES.is_dir():
        return []
    ours = [path.name for path in NAMESPACES.glob(f"{PREFIX}.*.*")]
    return sorted({name.split(".")[1] for name in ours})


def inside(netns: str, act: Callable[[], T]) -> T:
    """Run `act` in a thread that lives in the namespace, and give back what it returns.

    A socket stays in the namespace it was opened in, wherever it is used later, so
    this is how one process talks from several VMs. The thread ends with `act`: a
    thread that changed its namespace must never be handed other work.
    """
    outcome: list[T] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            enter(netns)
            outcome.append(act())
        except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
            failure.append(error)

    thread = threading.Thread(target=run, name=f"inside {netns}", daemon=True)
    thread.start()
    thread.join()
    if failure:
        raise failure[0]
    return outcome[0]


def enter(netns: str) -> None:
    """Move the calling thread into the namespace. Python 3.11 has no os.setns."""
    handle = os.open(NAMESPACES / netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(handle, CLONE_NEWNET) != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"cannot enter {netns}: {os.strerror(error)}")
    finally:
        os.close(handle)
