"""A vSwitch lets a port send from other addresses than its VM has."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressGuard(RuleFault):
    """A vSwitch lets a port send from other addresses than its VM has."""

    name: ClassVar[str] = "address_guard"
    code: ClassVar[str] = "ANTI_SPOOFING_DENY"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop by the source address."""
        del place
        return [
            f"{where} ip saddr != 192.0.2.1 meta l4proto {{ icmp, tcp, udp }} drop",
            f"{where} ip6 saddr != 2001:db8::1 meta l4proto {{ tcp, udp }} drop",
            f"{where} ip6 saddr != 2001:db8::1 icmpv6 type echo-request drop",
        ]
