"""A rule of iptables-legacy drops packets."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.iptables_fault import IptablesFault


@dataclass(frozen=True, slots=True, kw_only=True)
class IptablesLegacyDrop(IptablesFault):
    """A rule of iptables-legacy drops packets."""

    name: ClassVar[str] = "iptables_legacy_drop"
    variant: ClassVar[str] = "legacy"
    objects: ClassVar[tuple[str, ...]] = ('rule "iptables_legacy_drop"',)
