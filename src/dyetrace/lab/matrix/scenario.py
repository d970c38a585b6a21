"""One scenario, and the scenarios that one break serves."""

from dataclasses import dataclass, replace
from typing import Literal

from dyetrace.lab.faults.fault import Fault
from dyetrace.lab.matrix.route import Route

Family = Literal[4, 6]
L4 = Literal["udp", "tcp", "icmp"]
FAMILIES: tuple[Family, ...] = (4, 6)
PROTOCOLS: tuple[L4, ...] = ("udp", "tcp", "icmp")
HEALTHY = "healthy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One flow that is diagnosed while one fault is in the cloud."""

    fault: str  # its name, or `healthy`
    position: str
    route: str
    family: Family
    protocol: L4

    @property
    def id(self) -> str:
        """The name by which it is chosen and reported."""
        return f"{self.fault}@{self.position}/{self.route}/ipv{self.family}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The scenarios of one fault at one place of one route."""

    fault: Fault | None  # None: healthy
    position: str
    route: Route
    flows: tuple[tuple[Family, L4], ...]
    size: int = 64  # bytes of payload
    distinct: bool = True
    rate: float = 100.0

    @property
    def name(self) -> str:
        """What its scenarios' ids begin with."""
        fault = HEALTHY if self.fault is None else self.fault.name
        return f"{fault}@{self.position}/{self.route.name}"

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Its scenarios, one per flow."""
        return tuple(
            Scenario(
                fault=HEALTHY if self.fault is None else self.fault.name,
                position=self.position,
                route=self.route.name,
                family=family,
                protocol=protocol,
            )
            for family, protocol in self.flows
        )

    def only(self, ids: frozenset[str]) -> "Group":
        """Leave out the scenarios that are not wanted."""
        kept = tuple(
            flow
            for flow, scenario in zip(self.flows, self.scenarios, strict=True)
            if scenario.id in ids
        )
        return replace(self, flows=kept)
