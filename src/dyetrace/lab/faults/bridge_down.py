"""The bridge of a vSwitch is down."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.entries import static_entries
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position
from dyetrace.lab.readiness import wait_for_links

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeDown(Placed):
    """The bridge of a vSwitch is down."""

    name: ClassVar[str] = "bridge_down"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Set it down."""
        place = self.bridged_passage(cloud)
        commands.ip(place.netns, [f"link set dev {self._bridge(cloud)} down"])

    def heal(self, cloud: "Cloud") -> None:
        """Set it up, and wait for its ports."""
        place = self.bridged_passage(cloud)
        commands.ip(place.netns, [f"link set dev {self._bridge(cloud)} up"])
        commands.bridge(place.netns, static_entries(cloud, place.host))
        wait_for_links([place.netns])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="LINK_DOWN",
            objects=(f"{self._bridge(cloud)} (switched off)",),
        )

    def _bridge(self, cloud: "Cloud") -> str:
        port = self.bridged_passage(cloud)
        device = port.entry if self.at == "source-vswitch" else port.exit
        return next(
            each.network.bridge for each in cloud.description.attachments if each.port == device
        )
