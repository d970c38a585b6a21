"""The underlay does not answer ARP, so the sending host cannot reach it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults import rules
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.faults.retrans import set_retrans
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlayGatewayMute(Placed):
    """The underlay does not answer ARP, so the sending host cannot reach it."""

    name: ClassVar[str] = "underlay_gateway_mute"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Make the fabric mute, and have the host forget it."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        rules.install(
            cloud.fabric, "arp", self.name, hook="input", rules=['drop comment "mute fabric"']
        )
        set_retrans(vswitch, "uplink0", 100)
        fabric = cloud.description.fabric_address(leg.source)
        commands.ip(vswitch, [f"neighbour delete {fabric} dev uplink0"], tolerant=True)

    def heal(self, cloud: "Cloud") -> None:
        """Let it speak."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        rules.remove(cloud.fabric, "arp", self.name)
        set_retrans(vswitch, "uplink0", 1000)
        commands.ip(vswitch, ["neighbour flush dev uplink0"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the sending host."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="VTEP_NEIGHBOUR_UNRESOLVED",
            objects=(cloud.description.fabric_address(leg.source),),
        )
