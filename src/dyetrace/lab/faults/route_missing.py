"""A vRouter has no route to a network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.description import RouterDescription
from dyetrace.lab.errors import FaultNotApplicable
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteMissing:
    """A vRouter has no route to a network (net-a, net-b, or default)."""

    name: ClassVar[str] = "route_missing"

    tenant: str = ""
    host: str = ""
    network: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Delete the network's routes, and the default route that would lead there in a detour."""
        router = self._router(cloud)
        lines = [f"route delete default via {each}" for each in router.default_route or ()]
        if self._network(cloud) != "default":
            port = places.port_towards(router, self._network(cloud))
            v4, v6 = port.network.prefixes
            lines += [
                f"route delete {v4} dev {port.device}",
                f"route delete {v6} dev {port.device}",
            ]
        commands.ip(places.netns_of(cloud, router), lines)

    def heal(self, cloud: "Cloud") -> None:
        """Add them again, just as the kernel and the controller had them."""
        router = self._router(cloud)
        lines = []
        if self._network(cloud) != "default":
            port = places.port_towards(router, self._network(cloud))
            v4, v6 = port.network.prefixes
            source, _ = port.addresses
            lines += [
                f"route replace {v4} dev {port.device} proto kernel scope link src {source}",
                f"route replace {v6} dev {port.device} proto kernel metric 256",
            ]
        lines += [f"route replace default via {each}" for each in router.default_route or ()]
        commands.ip(places.netns_of(cloud, router), lines)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter."""
        router = self._router(cloud)
        if self._network(cloud) == "default" and not router.default_route:
            raise FaultNotApplicable(
                fault=self.name, cloud=cloud.name, why="its vRouters have no default route"
            )
        if self._network(cloud) != "default":
            places.port_towards(router, self._network(cloud))
        return Truth(verdict="LOST", host=router.host, vfd=router.role, code="VPC_ROUTE_MISSING")

    def _router(self, cloud: "Cloud") -> RouterDescription:
        return places.router(cloud, self.name, tenant=self.tenant, host=self.host)

    def _network(self, cloud: "Cloud") -> str:
        return self.network or cloud.example[1].network
