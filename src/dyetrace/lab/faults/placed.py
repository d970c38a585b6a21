"""What faults have in common that can be put at several places of a flow's way."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.errors import FaultNotApplicable
from dyetrace.lab.passage import Leg, Passage, Position, journey

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A fault at (`at`) one place on the way of a flow from `source` to `destination`."""

    name: ClassVar[str]

    at: Position
    source: str = ""
    destination: str = ""

    def passage(self, cloud: "Cloud") -> Passage:
        """Give the place. Raises FaultNotApplicable where the flow has no such place."""
        passages = journey(cloud, self.source, self.destination).passages
        if self.at not in passages:
            why = f"the flow passes {', '.join(passages)}, no {self.at}"
            raise FaultNotApplicable(fault=self.name, cloud=cloud.name, why=why)
        return passages[self.at]

    def routed_passage(self, cloud: "Cloud") -> Passage:
        """Give the place, which must be a vRouter or a gateway."""
        passage = self.passage(cloud)
        if passage.is_bridged:
            why = f"{self.at} does not route"
            raise FaultNotApplicable(fault=self.name, cloud=cloud.name, why=why)
        return passage

    def bridged_passage(self, cloud: "Cloud") -> Passage:
        """Give the place, which must be a vSwitch."""
        passage = self.passage(cloud)
        if not passage.is_bridged:
            why = f"{self.at} has no bridge"
            raise FaultNotApplicable(fault=self.name, cloud=cloud.name, why=why)
        return passage

    def leg(self, cloud: "Cloud") -> Leg:
        """Give the flow's way through the underlay."""
        leg = journey(cloud, self.source, self.destination).leg
        if leg is None:
            why = "the flow stays on one host"
            raise FaultNotApplicable(fault=self.name, cloud=cloud.name, why=why)
        return leg
