"""The sending host's uplink is down."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position
from dyetrace.lab.readiness import wait_for_links

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UplinkDown(Placed):
    """The sending host's uplink is down."""

    name: ClassVar[str] = "uplink_down"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Set it down."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        commands.ip(vswitch, ["link set dev uplink0 down"])

    def heal(self, cloud: "Cloud") -> None:
        """Set it up, with its route."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        fabric = cloud.description.fabric_address(leg.source)
        commands.ip(vswitch, ["link set dev uplink0 up", f"route replace default via {fabric}"])
        wait_for_links([vswitch, cloud.fabric])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the sending host."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="LINK_DOWN",
            objects=("uplink0 (switched off)",),
        )
