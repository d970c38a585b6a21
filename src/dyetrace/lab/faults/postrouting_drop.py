"""A rule drops packets on the point of leaving a VFD."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault


@dataclass(frozen=True, slots=True, kw_only=True)
class PostroutingDrop(RuleFault):
    """A rule drops packets on the point of leaving a VFD."""

    name: ClassVar[str] = "postrouting_drop"
    comment: ClassVar[str] = "postrouting_drop"
    hook: ClassVar[str] = "postrouting"
    priority: ClassVar[int] = 50
