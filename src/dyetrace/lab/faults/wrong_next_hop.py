"""A route leads to a next hop that nobody has."""

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
class WrongNextHop(Placed):
    """A route leads to a next hop that nobody has."""

    name: ClassVar[str] = "wrong_next_hop"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the routes."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        hop4, hop6 = self._next_hop(place)
        dev = place.exit
        commands.ip(
            place.netns,
            [
                f"route replace {v4}/32 via {hop4} dev {dev} onlink",
                f"route replace {v6}/128 via {hop6} dev {dev} onlink",
            ],
        )
        set_retrans(place.netns, place.exit, 100)

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        commands.ip(place.netns, [f"route delete {v4}/32", f"route delete {v6}/128"], tolerant=True)
        set_retrans(place.netns, place.exit, 1000)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the routes are."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="NEIGHBOUR_UNRESOLVED",
            objects=self._next_hop(place),
        )

    @staticmethod
    def _next_hop(place: Passage) -> tuple[str, str]:
        """Give addresses of the segment that are free."""
        if place.exit == "ext0":
            return "203.0.113.99", "2001:db8:113::99"
        third = 1 if place.exit == "net-a" else 2
        return f"10.0.{third}.199", f"fd00:0:0:{third}::199"
