"""The sending host's route to the receiving one's VTEP refuses packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayRouteUnreachable(Placed):
    """The sending host's route to the receiving one's VTEP refuses packets."""

    name: ClassVar[str] = "underlay_route_unreachable"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Change the route."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        vtep = cloud.description.underlay_address(leg.target)
        commands.ip(vswitch, [f"route replace unreachable {vtep}/32"])

    def heal(self, cloud: "Cloud") -> None:
        """Change it back."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        vtep = cloud.description.underlay_address(leg.target)
        commands.ip(vswitch, [f"route delete unreachable {vtep}/32"], tolerant=True)

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
