"""A rule drops packets that have a usual time to live, as one against tunnels does."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlRuleDrop(RuleFault):
    """A rule drops packets that have a usual time to live, as one against tunnels does."""

    name: ClassVar[str] = "ttl_rule_drop"
    comment: ClassVar[str] = "short life"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop by TTL, but not neighbour discovery, which has 255."""
        del place
        return [
            f'{where} ip ttl < 65 meta l4proto {{ icmp, tcp, udp }} drop comment "{self.comment}"',
            f'{where} ip6 hoplimit < 65 drop comment "{self.comment}"',
        ]
