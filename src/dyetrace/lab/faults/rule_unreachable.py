"""A policy rule calls a receiver unreachable."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_rule import RefusingRule


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleUnreachable(RefusingRule):
    """A policy rule calls a receiver unreachable."""

    name: ClassVar[str] = "rule_unreachable"
    kind: ClassVar[str] = "unreachable"
