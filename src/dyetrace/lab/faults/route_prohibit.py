"""A vRouter's route to a VM answers that it is prohibited."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_route import RefusingRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteProhibit(RefusingRoute):
    """A vRouter's route to a VM answers that it is prohibited."""

    name: ClassVar[str] = "route_prohibit"
    kind: ClassVar[str] = "prohibit"
