"""A vSwitch lets a port send with another MAC address than its VM has."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.rule_fault import RuleFault, each
from dyetrace.lab.passage import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSecurity(RuleFault):
    """A vSwitch lets a port send with another MAC address than its VM has."""

    name: ClassVar[str] = "port_security"
    comment: ClassVar[str] = "port security"
    code: ClassVar[str] = "ANTI_SPOOFING_DENY"
    hook: ClassVar[str] = "prerouting"

    def rules(self, place: Passage, where: str) -> list[str]:
        """Drop by the source MAC address."""
        del place
        return [
            f'{where} ether saddr != 02:00:00:00:00:01 {packets} drop comment "{self.comment}"'
            for packets in each()
        ]
