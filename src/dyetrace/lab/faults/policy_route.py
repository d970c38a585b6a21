"""A routing rule sends packets to a table that shuts them out."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.errors import CommandFailed
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud

TABLE = "177"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyRoute(Placed):
    """A routing rule sends what comes in by a port to a table with a blackhole."""

    name: ClassVar[str] = "policy_route"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Fill the table, then send packets there."""
        place = self.routed_passage(cloud)
        for family in ("-4", "-6"):
            for line in (
                f"route add blackhole default table {TABLE}",
                f"rule add priority 88 iif {place.entry} lookup {TABLE}",
            ):
                commands.run(("ip", family, "-netns", place.netns, *line.split()))

    def heal(self, cloud: "Cloud") -> None:
        """Delete both."""
        place = self.routed_passage(cloud)
        for family in ("-4", "-6"):
            for line in ("rule delete priority 88", f"route flush table {TABLE}"):
                with contextlib.suppress(CommandFailed):
                    commands.run(("ip", family, "-netns", place.netns, *line.split()))

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the rule is."""
        place = self.routed_passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="ROUTE_BLACKHOLE",
            objects=(f"in table {TABLE}",),
        )
