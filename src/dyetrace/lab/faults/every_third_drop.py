"""A rule drops every third packet."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.fault import Verdict
from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class EveryThirdDrop(RuleFault):
    """A rule drops every third packet."""

    name: ClassVar[str] = "every_third_drop"
    comment: ClassVar[str] = "every third"
    verdict: ClassVar[Verdict] = "PARTIAL"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Count, and drop."""
        del place
        return [
            f'{where} {packets} numgen inc mod 3 == 0 counter drop comment "{self.comment}"'
            for packets in each()
        ]
