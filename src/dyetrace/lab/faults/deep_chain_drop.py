"""A rule drops packets several jumps below the base chain."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepChainDrop(RuleFault):
    """A rule drops packets several jumps below the base chain."""

    name: ClassVar[str] = "deep_chain_drop"
    comment: ClassVar[str] = "deep down"

    def others(self, place: Passage) -> str:
        """Write the chains that are jumped to."""
        del place
        drops = "\n".join(f'{packets} counter drop comment "{self.comment}"' for packets in each())
        return (
            f"chain bottom {{\n{drops}\n}}\n"
            "chain middle {\ntcp dport 22 accept\njump bottom\n}\n"
            "chain top {\nudp dport 53 accept\ngoto middle\n}"
        )

    def rules(self, place: Passage, where: str) -> list[str]:
        """Jump."""
        del place
        return [f"{where} jump top"]
