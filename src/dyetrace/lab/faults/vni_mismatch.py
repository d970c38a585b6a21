"""A host knows a network by another VNI than the other hosts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.description import NetworkDescription
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.overlay import vxlan_entries, vxlan_links

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class VniMismatch:
    """A host has a network's VXLAN device under a wrong VNI, so it drops what others send it."""

    name: ClassVar[str] = "vni_mismatch"

    tenant: str = ""
    network: str = ""
    host: str = ""
    wrong_vni: int = 999

    def inject(self, cloud: "Cloud") -> None:
        """Make the device anew, wrongly."""
        self._remake(cloud, self.wrong_vni)

    def heal(self, cloud: "Cloud") -> None:
        """Make it anew as it should be."""
        self._remake(cloud, self._network(cloud).vni)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the host that has no such VNI."""
        places.overlay_required(cloud, self.name)
        self._network(cloud)
        return Truth(
            verdict="LOST",
            host=self._host(cloud),
            vfd="vswitch",
            code="VNI_UNKNOWN",
            objects=(f"VNI {self._network(cloud).vni} ",),
        )

    def _remake(self, cloud: "Cloud", vni: int) -> None:
        host, network = self._host(cloud), self._network(cloud)
        vswitch = cloud.host(host).vswitch
        commands.ip(vswitch, [f"link delete dev {network.vxlan}"], tolerant=True)
        commands.ip(vswitch, vxlan_links(cloud.description, host, network, vni=vni))
        commands.bridge(vswitch, vxlan_entries(cloud.description, host, network))

    def _host(self, cloud: "Cloud") -> str:
        return cloud.host(self.host or cloud.example[1].host).name

    def _network(self, cloud: "Cloud") -> NetworkDescription:
        return places.network(cloud, tenant=self.tenant, name=self.network)
