"""A chain's policy drops whatever no rule of it accepts."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDrop(RuleFault):
    """A chain's policy drops whatever no rule of it accepts."""

    name: ClassVar[str] = "policy_drop"
    policy: ClassVar[str] = "drop"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Accept what the flow is not."""
        del place, where
        return [
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
            "tcp dport 22 accept",
            *(["ether type arp accept"] if self.at.endswith("vswitch") else []),
        ]
