"""The underlay has no route to the receiving host."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricRouteMissing(Placed):
    """The underlay has no route to the receiving host."""

    name: ClassVar[str] = "fabric_route_missing"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Delete the route."""
        leg = self.leg(cloud)
        address = cloud.description.fabric_address(leg.target)
        commands.ip(cloud.fabric, [f"address delete {address}/24 dev to-{leg.target}"])

    def heal(self, cloud: "Cloud") -> None:
        """Add it again."""
        leg = self.leg(cloud)
        address = cloud.description.fabric_address(leg.target)
        commands.ip(cloud.fabric, [f"address replace {address}/24 dev to-{leg.target}"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost between the hosts, where nobody looks."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=None,
            vfd=None,
            code="UNDERLAY_LOSS",
            objects=(f"{leg.source} to {leg.target}",),
        )
