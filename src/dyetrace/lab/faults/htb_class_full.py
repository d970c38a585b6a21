"""A class of a shaper has a low rate and room for one packet."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class HtbClassFull(Placed):
    """A class of a shaper has a low rate and room for one packet."""

    name: ClassVar[str] = "htb_class_full"

    at: Position = "destination-vswitch"

    def inject(self, cloud: "Cloud") -> None:
        """Put the shaper in front of the device."""
        place = self.passage(cloud)
        rate = "rate 8kbit burst 200 cburst 200"
        commands.tc(
            place.netns,
            [
                f"qdisc replace dev {place.exit} root handle 7: htb default 1",
                f"class replace dev {place.exit} parent 7: classid 7:1 htb {rate}",
                f"qdisc replace dev {place.exit} parent 7:1 handle 8: pfifo limit 1",
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Take it away."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc delete dev {place.exit} root"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Mostly lost where the shaper is."""
        place = self.passage(cloud)
        return Truth(
            verdict="PARTIAL",
            host=place.host,
            vfd=place.role,
            code="QUEUE_FULL",
            other_verdicts=("LOST",),
            objects=(f" on {place.exit}",),
        )
