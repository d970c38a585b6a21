"""What the three kinds of routes that refuse packets have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusingRoute(Placed):
    """A vRouter or gateway has a route to one receiver that refuses its packets."""

    kind: ClassVar[str]  # as in `ip route add <kind> PREFIX`

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the routes."""
        self._tell(cloud, "replace")

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        self._tell(cloud, "delete", tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the route is."""
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code=self.name.upper(),
            objects=(f"{self.kind} {v4}/32", f"{self.kind} {v6}/128"),
        )

    def _tell(self, cloud: "Cloud", verb: str, *, tolerant: bool = False) -> None:
        place = self.routed_passage(cloud)
        v4, v6 = place.addresses
        commands.ip(
            place.netns,
            [f"route {verb} {self.kind} {v4}/32", f"route {verb} {self.kind} {v6}/128"],
            tolerant=tolerant,
        )
