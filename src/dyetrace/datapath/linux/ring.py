"""Read the ring buffer: all sightings that are in it, in one copy.

The kernel maps the data twice in a row, so records never wrap; all of ours
have one size, so they form an array. See Documentation/bpf/ringbuf.rst.
"""

import ctypes
import mmap

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.linux.layout import SIGHTING
from dyetrace.datapath.linux.libbpf import BpfError

BUSY = 1 << 31
HEADER = np.dtype([("length", "<u4"), ("page", "<u4")])
ENTRY = np.dtype([("header", HEADER), ("sighting", SIGHTING)])


class Ring:
    """The consumer's side of the ring; one reader only.

    It is mapped from the first drain to the next rest: all of its pages count
    as this process's memory, twice, while it is.
    """

    def __init__(self, fd: int, ring_bytes: int) -> None:
        self._fd = fd
        self._bytes = ring_bytes
        self._mapped: _Mapped | None = None

    def fileno(self) -> int:
        """Give what epoll waits on: readable when there is something to drain."""
        return self._fd

    def drain(self) -> npt.NDArray[np.void]:
        """Take out all sightings that are complete."""
        if self._mapped is None:
            self._mapped = _Mapped(self._fd, self._bytes)
        return self._mapped.drain()

    def rest(self) -> None:
        """Unmap the ring; what is in it stays."""
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None


class _Mapped:
    """The ring's two positions and its data, as memory."""

    def __init__(self, fd: int, ring_bytes: int) -> None:
        page = mmap.PAGESIZE
        self._bytes = ring_bytes
        self._consumer = _map(fd, page, 0, writable=True)
        self._producer = _map(fd, page + 2 * ring_bytes, page, writable=False)
        self._consumed = np.frombuffer(self._consumer, "<u8", 1)
        self._produced = np.frombuffer(self._producer, "<u8", 1)
        self._data = np.frombuffer(self._producer, "u1", offset=page)

    def drain(self) -> npt.NDArray[np.void]:
        """Copy all complete sightings, and give their room back."""
        consumed = int(self._consumed[0])
        count = (int(self._produced[0]) - consumed) // ENTRY.itemsize
        start = consumed % self._bytes
        entries = self._data[start : start + count * ENTRY.itemsize].view(ENTRY)
        busy = np.flatnonzero(entries["header"]["length"] & BUSY)
        if busy.size:  # still being written: leave it and what comes after it
            entries = entries[: busy[0]]
        sightings = entries["sighting"].copy()
        self._consumed[0] = consumed + len(entries) * ENTRY.itemsize
        return sightings

    def close(self) -> None:
        """Unmap."""
        del self._consumed, self._produced, self._data
        self._consumer.close()
        self._producer.close()


def _map(fd: int, length: int, offset: int, *, writable: bool) -> mmap.mmap:
    access = mmap.PROT_READ | (mmap.PROT_WRITE if writable else 0)
    try:
        return mmap.mmap(fd, length, mmap.MAP_SHARED, access, offset=offset)
    except OSError as error:
        raise BpfError(f"mapping the ring buffer: {error}") from error


def ring_size(wanted: int) -> int:
    """Round up to what the kernel takes: a power of two, at least a page."""
    return max(mmap.PAGESIZE, 1 << (wanted - 1).bit_length())


assert ENTRY.itemsize % 8 == 0, "records are aligned to 8 bytes in the ring"  # noqa: S101
assert ctypes.sizeof(ctypes.c_void_p) == 8  # noqa: S101, PLR2004
