"""Where a fault makes sense: declared beside the faults, never computed from results."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dyetrace.lab.faults.fault import Fault
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.matrix.route import ROUTES, Route
from dyetrace.lab.matrix.scenario import FAMILIES, L4, PROTOCOLS, Family, Group
from dyetrace.lab.passage import Position

Builder = Callable[[Route, Position], Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A fault, the positions it is put at, and the flows that it breaks."""

    fault: type[Fault] | type[Placed]
    build: Builder
    positions: tuple[Position, ...]
    but: frozenset[str] = field(default_factory=frozenset)  # routes on which it makes no sense
    only: frozenset[str] = field(default_factory=frozenset)  # the routes on which it does
    families: tuple[Family, ...] = FAMILIES
    protocols: tuple[L4, ...] = PROTOCOLS
    size: int = 64
    rate: float = 100.0

    def groups(self) -> Iterator[Group]:
        """Yield what the entry means."""
        for position in self.positions:
            for route in ROUTES:
                if position not in route.positions or route.name in self.but:
                    continue
                if self.only and route.name not in self.only:
                    continue
                yield Group(
                    fault=self.build(route, position),
                    position=position,
                    route=route,
                    flows=tuple(
                        (family, protocol)
                        for family in self.families
                        for protocol in self.protocols
                    ),
                    size=self.size,
                    rate=self.rate,
                )


def placed(fault: type[Placed]) -> Builder:
    """Put a fault at the position, on the way of the route's flow."""

    def build(route: Route, position: Position) -> Fault:
        built: Fault = fault(  # type: ignore[assignment]  # every fault that is Placed is a Fault
            at=position, source=route.source, destination=route.destination
        )
        return built

    return build
