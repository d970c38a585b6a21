"""A router has the sender's address as one of its own. IPv4 only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressTaken(Placed):
    """A router has the sender's address as one of its own. IPv4 only."""

    name: ClassVar[str] = "address_taken"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the address."""
        place = self.routed_passage(cloud)
        commands.ip(place.netns, [f"address add {self._address(cloud)}/32 dev lo"])

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        place = self.routed_passage(cloud)
        commands.ip(
            place.netns, [f"address delete {self._address(cloud)}/32 dev lo"], tolerant=True
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the router; the kernel does not look at IPv6."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="ADDRESS_CONFLICT",
            families=(4,),
            objects=(self._address(cloud),),
        )

    def _address(self, cloud: "Cloud") -> str:
        return cloud.end(self.source).address(4) if self.source else cloud.example[0].address(4)
