"""The receiving host has no VXLAN device for the network."""

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
class VxlanMissing(Placed):
    """The receiving host has no VXLAN device for the network."""

    name: ClassVar[str] = "vxlan_missing"

    at: Position = "underlay"

    def inject(self, cloud: "Cloud") -> None:
        """Delete it."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.target).vswitch
        for network in cloud.description.networks:  # they share the socket
            commands.ip(vswitch, [f"link delete dev {network.vxlan}"], tolerant=True)

    def heal(self, cloud: "Cloud") -> None:
        """Make it anew."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.target).vswitch
        for network in cloud.description.networks:
            commands.ip(vswitch, [f"link delete dev {network.vxlan}"], tolerant=True)
            commands.ip(
                vswitch, vxlan_links(cloud.description, leg.target, network, vni=network.vni)
            )
            commands.bridge(vswitch, vxlan_entries(cloud.description, leg.target, network))

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that should decapsulate."""
        leg = self.leg(cloud)
        return Truth(
            verdict="LOST",
            host=leg.target,
            vfd="vswitch",
            code="VTEP_MISSING",
            objects=(cloud.description.underlay_address(leg.target),),
        )
