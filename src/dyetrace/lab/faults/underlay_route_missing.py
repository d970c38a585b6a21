"""The sending host has no route to the receiving one's VTEP."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayRouteMissing(Placed):
    """The sending host has no route to the receiving one's VTEP."""

    name: ClassVar[str] = "underlay_route_missing"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Change the route."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        commands.ip(vswitch, ["route delete default"])

    def heal(self, cloud: "Cloud") -> None:
        """Change it back."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        fabric = cloud.description.fabric_address(leg.source)
        commands.ip(vswitch, [f"route replace default via {fabric}"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that should encapsulate."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="VTEP_UNREACHABLE",
            objects=(str(leg.network.vxlan),),
        )
