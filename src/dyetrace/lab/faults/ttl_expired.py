"""A VM's packets have too short a life to be routed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dyetrace.lab.faults import places, rules
from dyetrace.lab.faults.fault import Truth

if TYPE_CHECKING:
    from dyetrace.lab.cloud import Cloud


@dataclass(frozen=True, slots=True, kw_only=True)
class TtlExpired:
    """The vSwitch sets the TTL of a VM's (`source`) packets to 1, so its vRouter drops them."""

    name: ClassVar[str] = "ttl_expired"

    source: str = ""

    def inject(self, cloud: "Cloud") -> None:
        """Add the rules to the vSwitch of the source."""
        vm = places.source(cloud, self.source)
        rules.install(
            vm.port_netns,
            "bridge",
            self._table,
            hook="prerouting",
            rules=[
                f'iifname "{vm.port}" ip ttl set 1',
                # Neighbour discovery is only valid with a hop limit of 255.
                f'iifname "{vm.port}" icmpv6 type nd-neighbor-solicit accept',
                f'iifname "{vm.port}" icmpv6 type nd-neighbor-advert accept',
                f'iifname "{vm.port}" ip6 hoplimit set 1',
            ],
        )

    def heal(self, cloud: "Cloud") -> None:
        """Delete them."""
        rules.remove(places.source(cloud, self.source).port_netns, "bridge", self._table)

    def truth(self, cloud: "Cloud") -> Truth:
        """Lost at the vRouter, which finds nothing left to count down."""
        vm = places.source(cloud, self.source)
        router = places.router(cloud, self.name, tenant=vm.tenant, host=vm.host)
        return Truth(
            verdict="LOST",
            host=router.host,
            vfd=router.role,
            code="TTL_EXPIRED",
            objects=("it came with 1",),
        )

    @property
    def _table(self) -> str:
        return rules.table_name(self.name, self.source)
