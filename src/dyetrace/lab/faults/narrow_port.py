"""A port of a vSwitch has a smaller MTU than the network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class NarrowPort(Placed):
    """A port of a vSwitch has a smaller MTU than the network."""

    name: ClassVar[str] = "narrow_port"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Make it narrow."""
        place = self.bridged_passage(cloud)
        commands.ip(place.netns, [f"link set dev {place.exit} mtu 1280"])

    def heal(self, cloud: "Cloud") -> None:
        """Make it wide."""
        place = self.bridged_passage(cloud)
        commands.ip(place.netns, [f"link set dev {place.exit} mtu {cloud.description.mtu}"])

    def truth(self, cloud: "Cloud") -> Truth:
        """Long packets are lost at the vSwitch; a TCP handshake passes."""
        place = self.bridged_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="PACKET_TOO_BIG",
            other_verdicts=("PARTIAL",),
            objects=(f"of {place.exit}",),
        )
