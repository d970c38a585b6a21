"""A policy rule forbids packets to a receiver."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_rule import RefusingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleProhibit(RefusingRule):
    """A policy rule forbids packets to a receiver."""

    name: ClassVar[str] = "rule_prohibit"
    kind: ClassVar[str] = "prohibit"
