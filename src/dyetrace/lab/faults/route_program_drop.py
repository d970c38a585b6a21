"""A route's eBPF program drops packets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands, programs
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

PROGRAM = "lab_quota"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteProgramDrop(Placed):
    """The route to a receiver has an eBPF program that drops its packets."""

    name: ClassVar[str] = "route_program_drop"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the routes."""
        place = self.routed_passage(cloud)
        program = programs.load(programs.ROUTE_OUT, PROGRAM, programs.drop_all(programs.ROUTE_DROP))
        for prefix in self._prefixes(cloud):
            programs.add_route(place.netns, prefix, place.exit, program, name=PROGRAM)

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.routed_passage(cloud)
        commands.ip(
            place.netns,
            [f"route delete {prefix} dev {place.exit}" for prefix in self._prefixes(cloud)],
            tolerant=True,
        )

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the routes are."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="ROUTE_BPF_DROP",
            objects=self._prefixes(cloud),
        )

    def _prefixes(self, cloud: "Cloud") -> tuple[str, str]:
        v4, v6 = self.routed_passage(cloud).addresses
        return f"{v4}/32", f"{v6}/128"
