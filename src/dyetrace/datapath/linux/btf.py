"""Read type descriptions (BTF): the kernel's drop reasons, and our own contract.

Numbers of drop reasons differ between kernels, so they are looked up by name
in the running kernel's BTF. libbpf does the parsing.
"""

import ctypes
from collections.abc import Iterator
from ctypes import c_void_p
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from dyetrace.datapath.linux.errors import NoBtf
from dyetrace.datapath.linux.libbpf import BpfError, call, library

VMLINUX = Path("/sys/kernel/btf/vmlinux")

KIND_INT, KIND_PTR, KIND_ARRAY, KIND_STRUCT, KIND_ENUM, KIND_TYPEDEF = 1, 2, 3, 4, 6, 8
KIND_VAR, KIND_DATASEC = 14, 15

CORE_PREFIX = "SKB_DROP_REASON_"
SUBSYSTEM_PREFIX = "SKB_DROP_REASON_SUBSYS_"
SUBSYSTEM_SHIFT = 16
NO_REASONS = {
    "SKB_NOT_DROPPED_YET",
    "NOT_DROPPED_YET",
    "SKB_CONSUMED",
    "CONSUMED",
    "MAX",
    "SUBSYS_MASK",
}

# Subsystems that have reasons of their own: (module that may hold the enum, enum, prefix).
SUBSYSTEM_ENUMS = {
    "OPENVSWITCH": ("openvswitch", "ovs_drop_reason", "OVS_DROP_"),
    "MAC80211_UNUSABLE": ("mac80211", "mac80211_drop_reason", "RX_"),
    "MAC80211_MONITOR": ("mac80211", "mac80211_drop_reason", "RX_"),
    "QDISC": ("", "qdisc_drop_reason", "QDISC_DROP_"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a struct."""

    name: str
    offset: int  # bytes
    type_id: int


class Btf:
    """The types of the kernel, a module or an object file."""

    def __init__(self, pointer: int, *, owned: bool = True) -> None:
        self._pointer = pointer
        self._owned = owned

    @classmethod
    def of_kernel(cls) -> Self:
        """Read the running kernel's types."""
        if not VMLINUX.exists():
            raise NoBtf(str(VMLINUX))
        return cls(call("btf__load_vmlinux_btf", doing=f"reading {VMLINUX}"))

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Read the types of an object file."""
        return cls(call("btf__parse", str(path).encode(), None, doing=f"reading {path}"))

    def of_module(self, name: str) -> "Btf | None":
        """Read a kernel module's types; None if it is not loaded."""
        try:
            return Btf(
                call("btf__load_module_btf", name.encode(), self._pointer, doing=f"reading {name}")
            )
        except BpfError:
            return None

    def __enter__(self) -> Self:
        """Close at the end of the block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Free the types."""
        self.close()

    def close(self) -> None:
        """Free the types."""
        if self._owned and self._pointer:
            library().btf__free(self._pointer)
        self._pointer = 0

    def find(self, name: str, kind: int) -> int:
        """Find a type's id by its name; 0 if there is none."""
        return max(0, int(library().btf__find_by_name_kind(self._pointer, name.encode(), kind)))

    def count(self) -> int:
        """How many types there are; ids run from 1 to this, exclusively."""
        return int(library().btf__type_cnt(self._pointer))

    def name(self, type_id: int) -> str:
        """Name a type."""
        return self._text(self._head(type_id)[0])

    def kind(self, type_id: int) -> int:
        """Say what kind of type it is, one of KIND_*."""
        return (self._head(type_id)[1] >> 24) & 0x1F

    def size(self, type_id: int) -> int:
        """How many bytes a value takes."""
        return int(library().btf__resolve_size(self._pointer, type_id))

    def target(self, type_id: int) -> int:
        """Follow a pointer, typedef or variable to its type."""
        return self._head(type_id)[2]

    def parameters(self, type_id: int) -> int:
        """How many parameters a function type has."""
        return self._head(type_id)[1] & 0xFFFF

    def element(self, type_id: int) -> tuple[int, int]:
        """Give an array's element type and length."""
        element, _, length = self._words(type_id, 3, 3)
        return element, length

    def enumerators(self, type_id: int) -> Iterator[tuple[str, int]]:
        """List an enum's names and values."""
        words = self._words(type_id, 3, 2 * (self._head(type_id)[1] & 0xFFFF))
        for name, value in zip(words[::2], words[1::2], strict=True):
            yield self._text(name), value

    def members(self, type_id: int) -> Iterator[Member]:
        """List a struct's fields."""
        words = self._words(type_id, 3, 3 * (self._head(type_id)[1] & 0xFFFF))
        for name, member, bits in zip(words[::3], words[1::3], words[2::3], strict=True):
            yield Member(self._text(name), (bits & 0xFFFFFF) // 8, member)

    def variable_offset(self, section: str, variable: str) -> int:
        """Find where a global variable lies in its section."""
        section_id = self.find(section, KIND_DATASEC)
        words = self._words(section_id, 3, 3 * (self._head(section_id)[1] & 0xFFFF))
        for type_id, offset in zip(words[::3], words[1::3], strict=True):
            if self.name(type_id) == variable:
                return offset
        raise KeyError(f"{section} has no variable {variable}")

    def _head(self, type_id: int) -> tuple[int, ...]:
        return self._words(type_id, 0, 3)

    def _words(self, type_id: int, start: int, count: int) -> tuple[int, ...]:
        pointer = library().btf__type_by_id(self._pointer, type_id)
        if not pointer:
            raise KeyError(f"no type {type_id}")
        return tuple((ctypes.c_uint32 * (start + count)).from_address(pointer)[start:])

    def _text(self, offset: int) -> str:
        text: bytes | None = library().btf__name_by_offset(c_void_p(self._pointer), offset)
        return (text or b"").decode()


def drop_reason_names() -> dict[int, str]:
    """Name this kernel's drop reasons: {6: "NETFILTER_DROP", ...}.

    Subsystems' own reasons carry the subsystem in their upper 16 bits and in
    their name: OPENVSWITCH_LAST_ACTION.
    """
    with Btf.of_kernel() as kernel:
        names = _core_reasons(kernel)
        for number, subsystem in _subsystems(kernel).items():
            names |= _subsystem_reasons(kernel, number, subsystem)
    return names


def drop_reason_name(number: int, names: dict[int, str]) -> str:
    """Name one drop reason, also one that the kernel's types do not list."""
    if not number:
        return "NOT_SPECIFIED"  # kernels before 5.17 give no reason
    return names.get(number) or f"REASON_{number >> SUBSYSTEM_SHIFT}_{number & 0xFFFF}"


def drop_arguments() -> int:
    """How many arguments the tracepoint kfree_skb has: 2, 3 or 4, by the kernel's age."""
    with Btf.of_kernel() as kernel:
        typedef = kernel.find("btf_trace_kfree_skb", KIND_TYPEDEF)
        return kernel.parameters(kernel.target(kernel.target(typedef))) - 1


def _core_reasons(kernel: Btf) -> dict[int, str]:
    type_id = kernel.find("skb_drop_reason", KIND_ENUM)
    if not type_id:
        return {}
    names = ((value, name.removeprefix(CORE_PREFIX)) for name, value in kernel.enumerators(type_id))
    return {
        value: name
        for value, name in names
        if name not in NO_REASONS and not name.startswith("SUBSYS_")
    }


def _subsystems(kernel: Btf) -> dict[int, str]:
    type_id = kernel.find("skb_drop_reason_subsys", KIND_ENUM)
    if not type_id:
        return {}
    return {
        value: name.removeprefix(SUBSYSTEM_PREFIX)
        for name, value in kernel.enumerators(type_id)
        if not name.endswith(("_CORE", "_NUM"))
    }


def _subsystem_reasons(kernel: Btf, number: int, subsystem: str) -> dict[int, str]:
    module, enum, prefix = SUBSYSTEM_ENUMS.get(subsystem, ("", "", ""))
    if not enum:
        return {}
    found = kernel.find(enum, KIND_ENUM)
    types: Btf | None = kernel
    if not found and module:
        types = kernel.of_module(module)
        found = types.find(enum, KIND_ENUM) if types else 0
    if not found or types is None:
        return {}
    return {
        value: f"{subsystem}_{name.removeprefix(prefix)}"
        for name, value in types.enumerators(found)
        if value >> SUBSYSTEM_SHIFT == number
    }
