"""The sending host's route to the receiving one's VTEP swallows packets."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_underlay_route import RefusingUnderlayRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayRouteBlackhole(RefusingUnderlayRoute):
    """The sending host's route to the receiving one's VTEP swallows packets."""

    name: ClassVar[str] = "underlay_route_blackhole"
    kind: ClassVar[str] = "blackhole"
