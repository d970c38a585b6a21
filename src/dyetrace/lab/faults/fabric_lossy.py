"""The underlay loses half of the packets to the receiving host, by chance."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricLossy(Placed):
    """The underlay loses half of the packets to the receiving host, by chance."""

    name: ClassVar[str] = "fabric_lossy"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule."""
        leg = self.leg(cloud)
        rules.install(
            cloud.fabric,
            "ip",
            self.name,
            hook="forward",
            rules=[
                f'iifname "to-{leg.source}" oifname "to-{leg.target}" numgen random mod 2 == 0 drop'
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        rules.remove(cloud.fabric, "ip", self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Partly lost between the hosts."""
        leg = self.leg(cloud)
        return Truth(
            verdict="PARTIAL",
            host=None,
            vfd=None,
            code="UNDERLAY_LOSS",
            other_verdicts=("LOST",),
            objects=(f"{leg.source} to {leg.target}",),
        )
