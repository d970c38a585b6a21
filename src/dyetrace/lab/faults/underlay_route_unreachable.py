"""The sending host's route to the receiving one's VTEP refuses packets."""

from dataclasses import dataclass
from typing import ClassVar

from dyetrace.lab.faults.refusing_underlay_route import RefusingUnderlayRoute


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayRouteUnreachable(RefusingUnderlayRoute):
    """The sending host's route to the receiving one's VTEP refuses packets."""

    name: ClassVar[str] = "underlay_route_unreachable"
    kind: ClassVar[str] = "unreachable"
