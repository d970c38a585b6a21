"""A quota of bytes is used up, so that a rule drops all that follows."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUsedUp(RuleFault):
    """A quota of bytes is used up, so that a rule drops all that follows."""

    name: ClassVar[str] = "quota_used_up"
    comment: ClassVar[str] = "quota used up"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop beyond the quota."""
        del place
        return [
            f'{where} {packets} quota over 1 bytes drop comment "{self.comment}"'
            for packets in each()
        ]
