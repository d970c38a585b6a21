"""A rule that a packet met on its way through a VFD's rules, and the walk they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

LONGEST_WALK = 12
"""Steps in one sentence; the answer's JSON has them all."""


class MetAs(StrEnum):
    """What of a chain decided."""

    RULE = "rule"  # a rule that matched
    POLICY = "policy"  # the chain's end: its policy
    RETURN = "return"  # the chain's end: back to the chain that jumped


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMet:
    """One step: where, which rule, and what it decided."""

    family: str  # nft's: inet, ip, ip6, bridge, netdev, arp
    table: str
    chain: str
    met_as: MetAs
    decision: str  # accept, drop, continue, return, or jump and goto with their chain
    handle: int = 0  # 0: no rule, but the chain's end
    stack: tuple[str, ...] = ()  # the chains it had jumped from, the base chain first
    text: str = ""
    comment: str = ""
    packets: int | None = None  # the rule's own counters, where it counts
    bytes: int | None = None

    @property
    def is_drop(self) -> bool:
        """Whether the packet ended here."""
        return self.decision == "drop"

    def __str__(self) -> str:
        """Say it without its place: handle 7 drop."""
        which = f"handle {self.handle}" if self.met_as is MetAs.RULE else str(self.met_as)
        return which if which == self.decision else f"{which} {self.decision}"


def walk(rules: Sequence[RuleMet]) -> str:
    """Write rules in the order they were met, each chain named where it is entered."""
    words: list[str] = []
    before: RuleMet | None = None
    for rule in rules:
        is_elsewhere = before is None or _table(before) != _table(rule)
        if is_elsewhere:
            words.append(f"{rule.family} {rule.table} {rule.chain} {rule}")
        elif before is not None and before.chain != rule.chain:
            words.append(f"{rule.chain} {rule}")
        else:
            words.append(str(rule))
        before = rule
    left_out = len(words) - LONGEST_WALK
    if left_out > 0:
        words = [f"({left_out} more)", *words[left_out:]]
    return " -> ".join(words)


def _table(rule: RuleMet) -> tuple[str, str]:
    return rule.family, rule.table
