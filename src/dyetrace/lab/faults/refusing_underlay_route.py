"""What the kinds of underlay routes that refuse packets have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusingUnderlayRoute(Placed):
    """The sending host has a route to the receiving one's VTEP that refuses packets."""

    kind: ClassVar[str]  # as in `ip route add <kind> PREFIX`

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Change the route."""
        self._tell(cloud, "replace")

    def heal(self, cloud: "Cloud") -> None:
        """Change it back."""
        self._tell(cloud, "delete", tolerant=True)

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

    def _tell(self, cloud: "Cloud", verb: str, *, tolerant: bool = False) -> None:
        leg = self.leg(cloud)
        vtep = cloud.description.underlay_address(leg.target)
        route = f"route {verb} {self.kind} {vtep}/32"
        commands.ip(cloud.host(leg.source).vswitch, [route], tolerant=tolerant)
