"""A rule rejects packets, with an answer to their sender."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectRule(RuleFault):
    """A rule rejects packets, with an answer to their sender."""

    name: ClassVar[str] = "reject_rule"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Reject the packets."""
        del place
        return [f"{where} {packets} reject with icmpx admin-prohibited" for packets in each()]
