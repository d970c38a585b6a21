"""Read and write a program's maps, with numpy rows as keys and values."""

import ctypes
import errno
from typing import Any

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.linux.libbpf import BPF_ANY, BpfError, call, library

U32 = np.dtype("<u4")
U64 = np.dtype("<u8")

Value = int | tuple[int, ...] | np.void | npt.NDArray[np.void]
"""What a map's dtype can hold."""


class Map:
    """One map: array, hash or per CPU."""

    def __init__(self, fd: int, name: str, *, key: np.dtype[Any], value: np.dtype[Any]) -> None:
        self._fd = fd
        self._name = name
        self._key = key
        self._value = value

    def put(self, key: Value, value: Value) -> None:
        """Set one value."""
        call(
            "bpf_map_update_elem",
            self._fd,
            _pointer(_row(key, self._key)),
            _pointer(_row(value, self._value)),
            BPF_ANY,
            doing=f"writing to map {self._name}",
        )

    def get(self, key: Value) -> npt.NDArray[Any]:
        """Read one value, as an array of one row."""
        row = np.zeros(1, self._value)
        call(
            "bpf_map_lookup_elem",
            self._fd,
            _pointer(_row(key, self._key)),
            _pointer(row),
            doing=f"reading map {self._name}",
        )
        return row

    def total(self, key: Value) -> int:
        """Sum one number over all CPUs."""
        rows = np.zeros(library().libbpf_num_possible_cpus(), U64)
        call(
            "bpf_map_lookup_elem",
            self._fd,
            _pointer(_row(key, self._key)),
            _pointer(rows),
            doing=f"reading map {self._name}",
        )
        return int(rows.sum())

    def remove(self, key: Value) -> None:
        """Forget a key, if it is there."""
        try:
            call(
                "bpf_map_delete_elem",
                self._fd,
                _pointer(_row(key, self._key)),
                doing=f"removing from map {self._name}",
            )
        except BpfError as error:
            if error.errno != errno.ENOENT:
                raise


def _row(value: Value, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.array([value], dtype)


def _pointer(row: npt.NDArray[Any]) -> ctypes.c_void_p:
    # Unlike a bare address, this keeps the row alive.
    return row.ctypes.data_as(ctypes.c_void_p)
