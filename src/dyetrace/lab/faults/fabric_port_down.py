"""The underlay's port to the receiving host is down."""

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
class FabricPortDown(Placed):
    """The underlay's port to the receiving host is down."""

    name: ClassVar[str] = "fabric_port_down"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Set it down."""
        leg = self.leg(cloud)
        commands.ip(cloud.fabric, [f"link set dev to-{leg.target} down"])

    def heal(self, cloud: "Cloud") -> None:
        """Set it up."""
        leg = self.leg(cloud)
        commands.ip(cloud.fabric, [f"link set dev to-{leg.target} up"])
        wait_for_links([cloud.fabric, cloud.host(leg.target).vswitch])

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
