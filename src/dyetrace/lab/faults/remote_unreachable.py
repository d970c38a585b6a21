"""The sending host has a VTEP for the receiver that nobody in the underlay is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteUnreachable(Placed):
    """The sending host has a VTEP for the receiver that nobody in the underlay is."""

    name: ClassVar[str] = "remote_unreachable"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Point the entry there."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        entry = f"fdb replace {leg.mac} dev {leg.network.vxlan} self dst 172.31.77.1 static"
        commands.bridge(vswitch, [entry])

    def heal(self, cloud: "Cloud") -> None:
        """Point it to the right one."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        vtep = cloud.description.underlay_address(leg.target)
        entry = f"fdb replace {leg.mac} dev {leg.network.vxlan} self dst {vtep} static"
        commands.bridge(vswitch, [entry])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost behind the host that has the wrong entry."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="VTEP_UNKNOWN",
            objects=("172.31.77.1",),
        )
