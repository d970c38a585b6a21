"""The sending host's VXLAN device does not know behind which VTEP the receiver is."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.faults.placed import Placed
from dyetrace.lab.overlay import ALL_ELSE, vxlan_entries, vxlan_links
from dyetrace.lab.passage import Position

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteMissing(Placed):
    """The sending host's VXLAN device does not know behind which VTEP the receiver is."""

    name: ClassVar[str] = "remote_missing"

    at: Position = "source-uplink"

    def inject(self, cloud: "Cloud") -> None:
        """Delete the entry, and that for all else."""
        leg = self.leg(cloud)
        vswitch = cloud.host(leg.source).vswitch
        others = [
            cloud.description.underlay_address(host)
            for host in cloud.description.hosts
            if host != leg.source
        ]
        commands.bridge(
            vswitch,
            [
                f"fdb delete {leg.mac} dev {leg.network.vxlan} self",
                *(f"fdb delete {ALL_ELSE} dev {leg.network.vxlan} dst {vtep}" for vtep in others),
            ],
            tolerant=True,
        )

    def heal(self, cloud: "Cloud") -> None:
        """Make the device anew."""
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
            code="VXLAN_FDB_MISSING",
            objects=(str(leg.network.vxlan),),
        )
