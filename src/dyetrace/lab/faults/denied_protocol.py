"""A verdict map says drop for the protocols of the flow."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class DeniedProtocol(RuleFault):
    """A verdict map says drop for the protocols of the flow."""

    name: ClassVar[str] = "denied_protocol"

    def others(self, place: Passage) -> str:
        """Write the map."""
        del place
        return (
            "map fate { type inet_proto : verdict; elements = "
            "{ tcp : drop, udp : drop, icmp : drop, sctp : accept } }"
        )

    def rules(self, place: Passage, where: str) -> list[str]:
        """Look the protocol up."""
        del place
        return [
            f"{where} meta l4proto vmap @fate",
            f"{where} icmpv6 type echo-request drop",
        ]
