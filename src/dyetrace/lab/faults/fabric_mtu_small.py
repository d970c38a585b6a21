"""The underlay drops long packets, and nobody hears of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricMtuSmall(Placed):
    """The underlay drops long packets, and nobody hears of it."""

    name: ClassVar[str] = "fabric_mtu_small"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Add the rule."""
        leg = self.leg(cloud)
        rules.install(
            cloud.fabric,
            "ip",
            self.name,
            hook="forward",
            rules=[f'oifname "to-{leg.target}" meta length > 1280 drop comment "too narrow"'],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete it."""
        rules.remove(cloud.fabric, "ip", self.name)

    def truth(self, cloud: "Cloud") -> Truth:
        """Long packets are lost between the hosts; a TCP handshake passes."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=None,
            vfd=None,
            code="UNDERLAY_LOSS",
            other_verdicts=("PARTIAL",),
            objects=(f"{leg.source} to {leg.target}",),
        )
