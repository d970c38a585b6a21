"""Load the compiled programs: variants of one object share maps, but not knobs."""

import ctypes
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dyetrace.datapath.linux import layout
from dyetrace.datapath.linux.btf import VMLINUX, Btf
from dyetrace.datapath.linux.errors import NoBtf, ObjectsMissing
from dyetrace.datapath.linux.libbpf import MapCreateOptions, call, library

OBJECTS = Path(__file__).parent / "objects"
RODATA = ".rodata"
Knob = int | Sequence[int]

UNSHARED = {"scratch"}  # one per object: two programs may run at once on a CPU


class Objects:
    """Loads programs on demand, each variant once, and owns them and their maps."""

    def __init__(self, *, ring_bytes: int, directory: Path = OBJECTS) -> None:
        self._directory = directory
        self._ring_bytes = ring_bytes
        self._maps: dict[str, int] = {}
        self._programs: dict[tuple[str, bytes], int] = {}

    def map_fd(self, name: str) -> int:
        """Give a shared map, which exists once an object that uses it was opened."""
        return self._maps[name]

    def open_maps(self, name: str) -> None:
        """Create the shared maps of an object without loading its programs."""
        opened = self._open(name)
        try:
            self._share_maps(opened)
        finally:
            library().bpf_object__close(opened)

    def program(self, name: str, knobs: npt.NDArray[np.void]) -> int:
        """Load the program of an object with these knobs, or give the one loaded before."""
        variant = (name, knobs.tobytes())
        if variant not in self._programs:
            self._programs[variant] = self._load(name, knobs)
        return self._programs[variant]

    def close(self) -> None:
        """Let go of all programs and maps; what is attached keeps its own hold."""
        for fd in (*self._programs.values(), *self._maps.values()):
            os.close(fd)
        self._programs.clear()
        self._maps.clear()

    def _load(self, name: str, knobs: npt.NDArray[np.void]) -> int:
        opened = self._open(name)
        try:
            self._share_maps(opened)
            _write_knobs(opened, knobs)
            call("bpf_object__load", opened, doing=f"loading {name}.bpf.o")
            program = library().bpf_object__next_program(opened, None)
            return os.dup(library().bpf_program__fd(program))
        finally:
            library().bpf_object__close(opened)

    def _open(self, name: str) -> int:
        if not VMLINUX.exists():
            raise NoBtf(str(VMLINUX))
        image = _image(self._directory / f"{name}.bpf.o")
        opened: int = call(
            "bpf_object__open_mem", image, len(image), None, doing=f"opening {name}.bpf.o"
        )
        return opened

    def _share_maps(self, opened: int) -> None:
        map_ = library().bpf_object__next_map(opened, None)
        while map_:
            name = library().bpf_map__name(map_).decode()
            if name not in UNSHARED and "." not in name:
                if name not in self._maps:
                    self._maps[name] = self._create_map(map_, name)
                call("bpf_map__reuse_fd", map_, self._maps[name], doing=f"sharing map {name}")
            map_ = library().bpf_object__next_map(opened, map_)

    def _create_map(self, map_: int, name: str) -> int:
        get = library()
        options = MapCreateOptions(
            sz=ctypes.sizeof(MapCreateOptions), map_flags=get.bpf_map__map_flags(map_)
        )
        entries = self._ring_bytes if name == "sightings" else get.bpf_map__max_entries(map_)
        fd: int = call(
            "bpf_map_create",
            get.bpf_map__type(map_),
            f"dye_{name}"[:15].encode(),
            get.bpf_map__key_size(map_),
            get.bpf_map__value_size(map_),
            entries,
            ctypes.byref(options),
            doing=f"creating map {name}",
        )
        return fd


@cache
def _image(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ObjectsMissing(str(path)) from error


def _write_knobs(opened: int, knobs: npt.NDArray[np.void]) -> None:
    """Write the variant's knobs into its read-only data, before it is frozen."""
    size = ctypes.c_size_t()
    rodata = library().bpf_object__find_map_by_name(opened, RODATA.encode())
    start = library().bpf_map__initial_value(rodata, ctypes.byref(size))
    types = Btf(library().bpf_object__btf(opened), owned=False)
    offset = types.variable_offset(RODATA, "knobs")
    if offset + layout.KNOBS.itemsize > size.value:
        raise ValueError("the objects are not of this version: rebuild them with `make -C bpf`")
    ctypes.memmove(start + offset, knobs.tobytes(), layout.KNOBS.itemsize)


def knobs(**values: Knob) -> npt.NDArray[np.void]:
    """Fill in a program's knobs; what is left out is 0."""
    row = np.zeros(1, layout.KNOBS)
    for name, value in values.items():
        row[name] = value
    return row
