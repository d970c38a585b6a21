"""A port of a vSwitch is in the state disabled."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Passage, Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgePortDisabled(Placed):
    """A port of a vSwitch is in the state disabled."""

    name: ClassVar[str] = "bridge_port_disabled"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Change the port's state."""
        place = self.bridged_passage(cloud)
        commands.bridge(place.netns, [f"link set dev {self._port(place)} state 0"])

    def heal(self, cloud: "Cloud") -> None:
        """Have it forward."""
        place = self.bridged_passage(cloud)
        commands.bridge(place.netns, [f"link set dev {self._port(place)} state 3"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="BRIDGE_PORT_STP",
            objects=(f"{self._port(place)} is disabled",),
        )

    def _port(self, place: Passage) -> str:
        return place.exit if self.at == "destination-vswitch" else place.entry
