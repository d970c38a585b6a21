"""A vSwitch's forwarding entry for the receiver points to where its packets come from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.entries import attachment_at
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPointsBack(Placed):
    """A vSwitch's forwarding entry for the receiver points to where its packets come from."""

    name: ClassVar[str] = "entry_points_back"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Point it back."""
        place = self.bridged_passage(cloud)
        port = attachment_at(cloud, place.host, place.exit)
        # Sticky: what the receiver itself sends must not correct it.
        entry = f"fdb replace {port.mac} dev {place.entry} master static sticky"
        commands.bridge(place.netns, [entry])

    def heal(self, cloud: "Cloud") -> None:
        """Point it to the receiver."""
        place = self.bridged_passage(cloud)
        port = attachment_at(cloud, place.host, place.exit)
        commands.bridge(place.netns, [f"fdb replace {port.mac} dev {port.port} master static"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="FDB_WRONG_PORT",
            objects=(place.entry,),
        )
