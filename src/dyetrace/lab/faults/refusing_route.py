"""What the three kinds of routes that refuse packets have in common."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.description import RouterDescription
from dyetrace.lab.faults import places
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusingRoute:
    """A vRouter has a route to one VM (`destination`) that refuses its packets."""

    name: ClassVar[str]
    kind: ClassVar[str]  # as in `ip route add <kind> PREFIX`

    tenant: str = ""
    host: str = ""
    destination: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Add the routes."""
        self._tell(cloud, "replace")

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        self._tell(cloud, "delete", tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter."""
        places.destination(cloud, self.destination)
        router = self._router(cloud)
        return Truth(verdict="LOST", host=router.host, vfd=router.role, code=self.name.upper())

    def _tell(self, cloud: "Cloud", verb: str, *, tolerant: bool = False) -> None:
        v4, v6 = places.destination(cloud, self.destination).addresses
        commands.ip(
            places.netns_of(cloud, self._router(cloud)),
            [f"route {verb} {self.kind} {v4}/32", f"route {verb} {self.kind} {v6}/128"],
            tolerant=tolerant,
        )

    def _router(self, cloud: "Cloud") -> RouterDescription:
        return places.router(cloud, self.name, tenant=self.tenant, host=self.host)
