"""A shaper's burst is smaller than the packets, so that none ever passes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class ShaperBurstSmall(Placed):
    """A shaper's burst is smaller than the packets, so that none ever passes."""

    name: ClassVar[str] = "shaper_burst_small"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Put the shaper in front of the device."""
        place = self.passage(cloud)
        bucket = "rate 1mbit burst 60 limit 3000"
        commands.tc(place.netns, [f"qdisc replace dev {place.exit} root tbf {bucket}"])

    def heal(self, cloud: "Cloud") -> None:
        """Take it away."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc delete dev {place.exit} root"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the shaper is."""
        place = self.passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="QUEUE_FULL",
            objects=(f"tbf 8001: on {place.exit}", f" on {place.exit}"),
        )
