"""A rule marks packets, and a later one drops what is marked."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkDrop(RuleFault):
    """A rule marks packets, and a later one drops what is marked."""

    name: ClassVar[str] = "mark_drop"
    comment: ClassVar[str] = "marked before"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Mark, then drop."""
        del place
        return [
            *(f"{where} {packets} meta mark set 0x66" for packets in each()),
            f'meta mark 0x66 counter drop comment "{self.comment}"',
        ]
