"""A rule drops packets above a length, so that small ones pass."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.fault import Verdict
from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthDrop(RuleFault):
    """A rule drops packets above a length, so that small ones pass."""

    name: ClassVar[str] = "length_drop"
    comment: ClassVar[str] = "too long"
    other_verdicts: ClassVar[tuple[Verdict, ...]] = ("PARTIAL",)  # the handshake passes

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop by length."""
        del place
        return [
            f'{where} {packets} meta length > 1000 drop comment "{self.comment}"'
            for packets in each()
        ]
