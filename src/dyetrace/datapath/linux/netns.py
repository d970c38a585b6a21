"""Do something in another network namespace, without going there ourselves.

A namespace belongs to a thread: a short-lived one enters it, the others
never notice.
"""

import errno
import os
import threading
from collections.abc import Callable
from ctypes import CDLL, get_errno
from typing import TypeVar

from dyetrace.datapath.linux.errors import NamespaceVanished, NotPermitted

CLONE_NEWNET = 0x40000000

Result = TypeVar("Result")

_libc = CDLL(None, use_errno=True)


def run_in(namespace: str | int, function: Callable[[], Result]) -> Result:
    """Run a function in the namespace behind a path or an open descriptor.

    Raises what the function raises, NamespaceVanished or NotPermitted.
    """
    results: list[Result] = []
    failures: list[BaseException] = []

    def visit() -> None:
        try:
            _enter(namespace)
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=visit, name="dyetrace-netns")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def netns_number(namespace: str | int = "/proc/thread-self/ns/net") -> int:
    """Give the inode number that names a namespace in records."""
    try:
        return os.stat(namespace).st_ino  # noqa: PTH116 - it may be a descriptor
    except OSError as error:
        raise NamespaceVanished(namespace) from error


def _enter(namespace: str | int) -> None:
    try:
        descriptor = os.open(namespace, os.O_RDONLY) if isinstance(namespace, str) else namespace
    except PermissionError as error:
        raise NotPermitted(f"entering namespace {namespace}") from error
    except OSError as error:
        raise NamespaceVanished(namespace) from error
    try:
        if netns_number(descriptor) == netns_number():
            return  # we are there, and need no right to go
        if _libc.setns(descriptor, CLONE_NEWNET):
            if get_errno() == errno.EPERM:
                raise NotPermitted(f"entering namespace {namespace}")
            raise NamespaceVanished(namespace)
    finally:
        if isinstance(namespace, str):
            os.close(descriptor)
