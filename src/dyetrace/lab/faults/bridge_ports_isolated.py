"""The two ports of a vSwitch that a flow passes are isolated from each other."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePortsIsolated(Placed):
    """The two ports of a vSwitch that a flow passes are isolated from each other."""

    name: ClassVar[str] = "bridge_ports_isolated"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Isolate them."""
        place = self.bridged_passage(cloud)
        commands.bridge(
            place.netns, [f"link set dev {port} isolated on" for port in (place.entry, place.exit)]
        )

    def heal(self, cloud: "Cloud") -> None:
        """Let them talk."""
        place = self.bridged_passage(cloud)
        commands.bridge(
            place.netns, [f"link set dev {port} isolated off" for port in (place.entry, place.exit)]
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="BRIDGE_PORT_ISOLATED",
            objects=(f"{place.entry}, {place.exit} ", f"{place.exit}, {place.entry} "),
        )
