"""Packets with a source address that no router takes come to a vRouter. IPv4 only."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.martian_fault import MartianFault


@dataclass(frozen=True, slots=True, kw_only=True)
class MartianSource(MartianFault):
    """Packets with a source address that no router takes come to a vRouter. IPv4 only."""

    name: ClassVar[str] = "martian_source"
    which: ClassVar[str] = "saddr"
    address: ClassVar[str] = "224.0.0.7"
    code: ClassVar[str] = "ADDRESS_INVALID"
