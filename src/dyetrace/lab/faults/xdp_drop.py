"""An XDP program drops packets, in the device's driver."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.xdp_fault import XdpFault


@dataclass(frozen=True, slots=True, kw_only=True)
class XdpDrop(XdpFault):
    """An XDP program drops packets, in the device's driver."""

    name: ClassVar[str] = "xdp_drop"
    mode: ClassVar[str] = "xdpdrv"
    flags: ClassVar[int] = 4
