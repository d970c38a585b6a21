"""A rule of iptables-nft drops packets."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.iptables_fault import IptablesFault


@dataclass(frozen=True, slots=True, kw_only=True)
class IptablesDrop(IptablesFault):
    """A rule of iptables-nft drops packets."""

    name: ClassVar[str] = "iptables_drop"
    variant: ClassVar[str] = "nft"
