"""Name the function a drop happened in, from the address the kernel gives."""

import re
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

KALLSYMS = Path("/proc/kallsyms")
FUNCTION = re.compile(rb"^([0-9a-f]{16}) [tTwW] ([^\t\n]+)", re.MULTILINE)


class Symbols:
    """The kernel's functions by address; reads them on the first question."""

    def __init__(self, path: Path = KALLSYMS) -> None:
        self._path = path

    def name(self, address: int) -> str:
        """Name the function an address lies in; empty if the kernel will not tell."""
        return self.locate(address).partition("+")[0]

    def locate(self, address: int) -> str:
        """Write an address as the kernel does: function+0xoffset."""
        starts, names, ends = self._table
        row = int(np.searchsorted(starts, np.uint64(address), side="right")) - 1
        if row < 0:
            return ""
        name = names[int(ends[row - 1]) if row else 0 : int(ends[row])].decode()
        return f"{name}+{address - int(starts[row]):#x}"

    @cached_property
    def _table(self) -> tuple[npt.NDArray[np.uint64], bytes, npt.NDArray[np.int64]]:
        """Addresses in order, the names in the same order end to end, and where each ends.

        Without the right to see them the kernel shows all addresses as 0:
        they are left out, so nothing is found rather than something wrong.
        """
        found = FUNCTION.findall(self._path.read_bytes())
        addresses = np.frombuffer(bytes.fromhex(b"".join(hit[0] for hit in found).decode()), ">u8")
        order = np.argsort(addresses, kind="stable")
        order = order[addresses[order] != 0]
        names = [found[row][1] for row in order]
        ends = np.cumsum([len(name) for name in names], dtype=np.int64)
        return addresses[order].astype(np.uint64), b"".join(names), ends
