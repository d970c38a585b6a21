"""A raw rule exempts packets from tracking, and a later one denies what is untracked."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class UntrackedDenied(RuleFault):
    """A raw rule exempts packets from tracking, and a later one denies what is untracked."""

    name: ClassVar[str] = "untracked_denied"
    comment: ClassVar[str] = "untracked"

    def others(self, place: Passage) -> str:
        """Write the exemption."""
        return (
            "chain raw {\ntype filter hook prerouting priority -300; policy accept;\n"
            + "\n".join(f'iifname "{place.entry}" {packets} notrack' for packets in each())
            + "\n}"
        )

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop what is not tracked."""
        del place
        return [
            f'{where} {packets} ct state untracked drop comment "{self.comment}"'
            for packets in each()
        ]
