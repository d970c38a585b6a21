"""A route leads out of the wrong device, where nobody has the receiver's address."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.faults.retrans import set_retrans
from dyetrace.lab.passage import Passage, Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongDevice(Placed):
    """A route leads out of the wrong device, where nobody has the receiver's address."""

    name: ClassVar[str] = "wrong_device"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the routes."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        wrong = self._wrong(place)
        commands.ip(
            place.netns,
            [f"route replace {v4}/32 dev {wrong}", f"route replace {v6}/128 dev {wrong}"],
        )
        set_retrans(place.netns, wrong, 100)

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        commands.ip(place.netns, [f"route delete {v4}/32", f"route delete {v6}/128"], tolerant=True)
        set_retrans(place.netns, self._wrong(place), 1000)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the routes are."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="NEIGHBOUR_UNRESOLVED",
            objects=tuple(f"{each} on {self._wrong(place)}" for each in place.addresses),
        )

    @staticmethod
    def _wrong(place: Passage) -> str:
        return "net-a" if place.exit != "net-a" else "net-b"
