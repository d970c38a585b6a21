"""Packets with a destination address that no router takes come to a vRouter. IPv4 only."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.martian_fault import MartianFault


@dataclass(frozen=True, slots=True, kw_only=True)
class MartianDestination(MartianFault):
    """Packets with a destination address that no router takes come to a vRouter. IPv4 only."""

    name: ClassVar[str] = "martian_destination"
    which: ClassVar[str] = "daddr"
    address: ClassVar[str] = "127.0.0.9"
    code: ClassVar[str] = "LOOPBACK_ADDRESS_ON_WIRE"
