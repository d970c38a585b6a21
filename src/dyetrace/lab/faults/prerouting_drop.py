"""A rule drops packets as soon as they come into a VFD."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault


@dataclass(frozen=True, slots=True, kw_only=True)
class PreroutingDrop(RuleFault):
    """A rule drops packets as soon as they come into a VFD."""

    name: ClassVar[str] = "prerouting_drop"
    comment: ClassVar[str] = "prerouting_drop"
    hook: ClassVar[str] = "prerouting"
    priority: ClassVar[int] = -150
