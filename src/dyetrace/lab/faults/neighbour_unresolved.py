"""A VM does not answer ARP and neighbour solicitations, so its vRouter cannot reach it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab import commands
from dyetrace.lab.description import Attachment, RouterDescription
from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud
    from dyetrace.lab.ends import Vm

KERNEL_RETRANS_MS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourUnresolved:
    """A VM (`destination`) answers no ARP and no neighbour solicitation of a vRouter.

    The vRouter holds packets back while it asks, three times `retrans_ms` apart,
    and only then drops them.
    """

    name: ClassVar[str] = "neighbour_unresolved"

    tenant: str = ""
    host: str = ""
    destination: str = ""
    retrans_ms: int = 100

    def inject(self, cloud: "Cloud") -> None:
        """Make the VM mute, and have the vRouter forget it."""
        vm = self._vm(cloud)
        rules.install(
            vm.netns, "arp", self._table, hook="input", rules=['drop comment "mute vNIC"']
        )
        rules.install(
            vm.netns,
            "ip6",
            self._table,
            hook="input",
            rules=['icmpv6 type nd-neighbor-solicit drop comment "mute vNIC"'],
        )
        router, port = self._port(cloud)
        self._set_retrans(cloud, self.retrans_ms)
        commands.ip(
            places.netns_of(cloud, router),
            [f"neighbour delete {address} dev {port.device}" for address in vm.addresses],
            tolerant=True,
        )

    def heal(self, cloud: "Cloud") -> None:
        """Let the VM speak, and tell the vRouter about it again."""
        vm = self._vm(cloud)
        for family in ("arp", "ip6"):
            rules.remove(vm.netns, family, self._table)
        router, port = self._port(cloud)
        self._set_retrans(cloud, KERNEL_RETRANS_MS)
        commands.ip(
            places.netns_of(cloud, router),
            [
                f"neighbour replace {address} lladdr {vm.mac} dev {port.device} nud permanent"
                for address in vm.addresses
            ],
        )
        # What the VM could not learn while it was mute it must ask for anew.
        commands.ip(vm.netns, [f"neighbour flush dev {vm.device}"], tolerant=True)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter."""
        router, _ = self._port(cloud)
        return Truth(
            verdict="LOST",
            host=router.host,
            vfd=router.role,
            code="NEIGHBOUR_UNRESOLVED",
            note="packets are held back first, and dropped when the vRouter stops asking",
            objects=self._vm(cloud).addresses,
        )

    def _set_retrans(self, cloud: "Cloud", retrans_ms: int) -> None:
        router, port = self._port(cloud)
        commands.set_sysctls(
            places.netns_of(cloud, router),
            [
                (f"net/{family}/neigh/{port.device}/retrans_time_ms", str(retrans_ms))
                for family in ("ipv4", "ipv6")
            ],
        )

    def _vm(self, cloud: "Cloud") -> "Vm":
        return places.destination(cloud, self.destination)

    def _port(self, cloud: "Cloud") -> tuple[RouterDescription, Attachment]:
        router = places.router(cloud, self.name, tenant=self.tenant, host=self.host)
        return router, places.port_towards(router, self._vm(cloud).network)

    @property
    def _table(self) -> str:
        return rules.table_name(self.name, self.host)
