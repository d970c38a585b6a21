"""The sending host's VXLAN device is down."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.overlay import vxlan_entries, vxlan_links
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class VxlanOutDown(Placed):
    """The sending host's VXLAN device is down."""

    name: ClassVar[str] = "vxlan_out_down"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Set it down."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        commands.ip(vswitch, [f"link set dev {leg.network.vxlan} down"])

    def heal(self, cloud: "Cloud") -> None:
        """Make it anew."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        commands.ip(vswitch, [f"link delete dev {leg.network.vxlan}"], tolerant=True)
        commands.ip(
            vswitch, vxlan_links(cloud.description, leg.source, leg.network, vni=leg.network.vni)
        )
        commands.bridge(vswitch, vxlan_entries(cloud.description, leg.source, leg.network))

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that should encapsulate."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.source,
            vfd="vswitch",
            code="LINK_DOWN",
            objects=(f"{leg.network.vxlan} (switched off)",),
        )
