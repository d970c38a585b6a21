"""What the tc filters that drop packets have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Passage, Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class DroppingFilter(Placed):
    """A tc filter at a device drops packets."""

    hook: ClassVar[Literal["ingress", "egress"]]

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the filters."""
        place = self.passage(cloud)
        device = self._device(place)
        lines = [
            f"qdisc replace dev {device} clsact",
            *(
                f"filter replace dev {device} {self.hook} prio {prio} protocol {protocol}"
                ' bpf direct-action bytecode "1,6 0 0 2,"'  # return TC_ACT_SHOT
                for prio, protocol in ((71, "ip"), (72, "ipv6"))
            ),
        ]
        commands.tc(place.netns, lines)

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc delete dev {self._device(place)} clsact"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the filters are."""
        place = self.passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="TC_DROP",
            objects=(f" on {self._device(place)}",),
        )

    def _device(self, place: Passage) -> str:
        return place.entry if self.hook == "ingress" else place.exit
