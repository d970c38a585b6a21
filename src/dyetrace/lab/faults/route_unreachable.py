"""A vRouter's route to a VM answers that it cannot be reached."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_route import RefusingRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteUnreachable(RefusingRoute):
    """A vRouter's route to a VM answers that it cannot be reached."""

    name: ClassVar[str] = "route_unreachable"
    kind: ClassVar[str] = "unreachable"
