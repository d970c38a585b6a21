"""A rule drops what is above a rate."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.fault import Verdict
from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimit(RuleFault):
    """A rule drops what is above a rate."""

    name: ClassVar[str] = "rate_limit"
    comment: ClassVar[str] = "too fast"
    verdict: ClassVar[Verdict] = "PARTIAL"
    other_verdicts: ClassVar[tuple[Verdict, ...]] = ("LOST",)
    code: ClassVar[str] = "RATE_LIMITED"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop beyond the rate."""
        del place
        return [
            f"{where} {packets} limit rate over 5/second burst 2 packets drop"
            f' comment "{self.comment}"'
            for packets in each()
        ]
