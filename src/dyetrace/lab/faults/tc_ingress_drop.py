"""A tc filter at a device drops what comes in by it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class TcIngressDrop(Placed):
    """A tc filter at a device drops what comes in by it."""

    name: ClassVar[str] = "tc_ingress_drop"

    at: Position = "source-vrouter"

    def inject(self, cloud: "Cloud") -> None:
        """Add the filters."""
        place = self.passage(cloud)
        lines = [
            f"qdisc replace dev {place.entry} clsact",
            *(
                f"filter replace dev {place.entry} ingress prio {prio} protocol {protocol}"
                ' bpf direct-action bytecode "1,6 0 0 2,"'  # return TC_ACT_SHOT
                for prio, protocol in ((71, "ip"), (72, "ipv6"))
            ),
        ]
        commands.tc(place.netns, lines)

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        place = self.passage(cloud)
        commands.tc(place.netns, [f"qdisc delete dev {place.entry} clsact"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost where the filters are."""
        place = self.passage(cloud)
        return Truth(
            verdict="LOST",
            host=place.host,
            vfd=place.role,
            code="TC_DROP",
            objects=(f" on {place.entry}",),
        )
