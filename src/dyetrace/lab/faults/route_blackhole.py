"""A vRouter's route to a VM silently drops its packets."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_route import RefusingRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteBlackhole(RefusingRoute):
    """A vRouter's route to a VM silently drops its packets."""

    name: ClassVar[str] = "route_blackhole"
    kind: ClassVar[str] = "blackhole"
