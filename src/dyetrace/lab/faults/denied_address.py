"""A set of denied addresses has the receiver's among them."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedAddress(RuleFault):
    """A set of denied addresses has the receiver's among them."""

    name: ClassVar[str] = "denied_address"
    comment: ClassVar[str] = "denied addresses"
    code: ClassVar[str] = "DENYLIST_HIT"

    def others(self, place: Passage) -> str:
        """Write the sets."""
        v4, v6 = place.addresses
        return (
            f"set denied4 {{ type ipv4_addr; elements = {{ 192.0.2.7, {v4} }} }}\n"
            f"set denied6 {{ type ipv6_addr; elements = {{ 2001:db8::7, {v6} }} }}"
        )

    def rules(self, place: Passage, where: str) -> list[str]:
        """Look the receiver up."""
        del place
        return [
            f'{where} ip daddr @denied4 drop comment "{self.comment}"',
            f'{where} ip6 daddr @denied6 drop comment "{self.comment}"',
        ]
