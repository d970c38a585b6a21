"""A vSwitch has no forwarding entry for the receiver, and does not flood."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.entries import attachment_at, ports_beside
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryMissing(Placed):
    """A vSwitch has no forwarding entry for the receiver, and does not flood."""

    name: ClassVar[str] = "entry_missing"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Delete the entry, and have no port flooded or learning."""
        place = self.bridged_passage(cloud)
        port = attachment_at(cloud, place.host, place.exit)
        commands.bridge(
            place.netns,
            [
                *(
                    f"link set dev {each} flood off learning off"
                    for each in ports_beside(cloud, place.host, port)
                ),
                f"fdb delete {port.mac} dev {port.port} master",
            ],
            tolerant=True,
        )

    def heal(self, cloud: "Cloud") -> None:
        """Write it again, and flood again."""
        place = self.bridged_passage(cloud)
        port = attachment_at(cloud, place.host, place.exit)
        commands.bridge(
            place.netns,
            [
                *(
                    f"link set dev {each} flood on learning on"
                    for each in ports_beside(cloud, place.host, port)
                ),
                f"fdb replace {port.mac} dev {port.port} master static",
            ],
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST", host=place.host, vfd=place.role, code="FORWARDING_ENTRY_MISSING"
        )
