"""A stateful rule drops what belongs to no known connection."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class NewConnectionsDenied(RuleFault):
    """A stateful rule drops what belongs to no known connection."""

    name: ClassVar[str] = "new_connections_denied"
    comment: ClassVar[str] = "no new connections"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop first packets."""
        del place
        return [
            f'{where} {packets} ct state new drop comment "{self.comment}"' for packets in each()
        ]
