"""A vRouter's reverse path filter takes a VM's packets for forged ones. IPv4 only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.description import RouterDescription
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RpFilter:
    """A vRouter's reverse path filter takes a VM's (`source`) packets for forged ones."""

    name: ClassVar[str] = "rp_filter"

    tenant: str = ""
    host: str = ""
    source: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Filter strictly, with a route back to the VM through the wrong port."""
        router, device, wrong = self._ports(cloud)
        netns = places.netns_of(cloud, router)
        commands.ip(netns, [f"route replace {self._address(cloud)}/32 dev {wrong}"])
        commands.set_sysctls(netns, [(f"net/ipv4/conf/{device}/rp_filter", "1")])

    def heal(self, cloud: "Cloud") -> None:
        """Filter nothing, and forget the wrong route."""
        router, device, wrong = self._ports(cloud)
        netns = places.netns_of(cloud, router)
        commands.set_sysctls(netns, [(f"net/ipv4/conf/{device}/rp_filter", "0")])
        commands.ip(netns, [f"route delete {self._address(cloud)}/32 dev {wrong}"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter; the kernel has no such filter for IPv6."""
        router, _, _ = self._ports(cloud)
        return Truth(
            verdict="LOST",
            host=router.host,
            vfd=router.role,
            code="RP_FILTER",
            families=(4,),
            objects=(f"refuses {self._address(cloud)}",),
        )

    def _address(self, cloud: "Cloud") -> str:
        return places.source(cloud, self.source).address(4)

    def _ports(self, cloud: "Cloud") -> tuple[RouterDescription, str, str]:
        """Give the vRouter, the port the VM's packets come in by, and another one."""
        router = places.router(cloud, self.name, tenant=self.tenant, host=self.host)
        network = places.source(cloud, self.source).network
        device = places.port_towards(router, network).device
        wrong = next(port.device for port in router.ports if port.device != device)
        return router, device, wrong
