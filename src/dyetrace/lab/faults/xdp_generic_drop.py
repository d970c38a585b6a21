"""An XDP program drops packets, before the network stack."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.xdp_fault import XdpFault


@dataclass(frozen=True, slots=True, kw_only=True)
class XdpGenericDrop(XdpFault):
    """An XDP program drops packets, before the network stack."""

    name: ClassVar[str] = "xdp_generic_drop"
    mode: ClassVar[str] = "xdpgeneric"
    flags: ClassVar[int] = 2
