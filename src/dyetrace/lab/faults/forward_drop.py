"""A rule of a forwarding VFD drops packets on their way through."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardDrop(RuleFault):
    """A rule of a forwarding VFD drops packets on their way through."""

    name: ClassVar[str] = "forward_drop"
    comment: ClassVar[str] = "forward_drop"
