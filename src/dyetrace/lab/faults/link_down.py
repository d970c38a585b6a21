"""A port of a vSwitch is down: a VM's, or a vRouter's."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from dyetrace.lab import commands
from dyetrace.lab.description import Attachment
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth
from dyetrace.lab.namespaces import namespace
from dyetrace.lab.readiness import wait_for_links

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDown:
    """A vSwitch's port is down: the one of a VM (`destination`), or a vRouter's towards it."""

    name: ClassVar[str] = "link_down"

    at: Literal["vm", "vrouter"] = "vm"
    tenant: str = ""
    host: str = ""
    destination: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Set the port down; the other end of the cable loses its carrier."""
        port = self._port(cloud)
        commands.ip(self._vswitch(cloud, port), [f"link set dev {port.port} down"])

    def heal(self, cloud: "Cloud") -> None:
        """Set it up and wait until both ends carry packets."""
        port = self._port(cloud)
        vswitch = self._vswitch(cloud, port)
        commands.ip(vswitch, [f"link set dev {port.port} up"])
        commands.bridge(vswitch, [f"fdb replace {port.mac} dev {port.port} master static"])
        wait_for_links([vswitch, namespace(cloud.name, port.host, port.role)])

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vSwitch that cannot deliver, or at the vRouter that cannot send."""
        port = self._port(cloud)
        return Truth(
            verdict="LOST",
            host=port.host,
            vfd="vswitch" if self.at == "vm" else port.role,
            code="LINK_DOWN",
            objects=(f"{port.port if self.at == 'vm' else port.device} (",),
        )

    def _port(self, cloud: "Cloud") -> Attachment:
        vm = places.destination(cloud, self.destination)
        if self.at == "vm":
            return next(each.nic for each in cloud.description.vms if each.id == vm.id)
        router = places.router(cloud, self.name, tenant=self.tenant, host=self.host)
        return places.port_towards(router, vm.network)

    def _vswitch(self, cloud: "Cloud", port: Attachment) -> str:
        return cloud.host(port.host).vswitch
